// Samples on flat patches: parallelograms and the discs within them.
#pragma once

#include <cstdint>
#include <vector>

namespace mtml {

// Patches (patches, 3, 3): a corner and two edges. Patch i has count[2 i] x count[2 i + 1] cells,
// row after row, in each of them one place, `share` (cells, 2) of the cell's sides; it is taken
// where `chance` (cells) is below the patch's `wanted`, and on a disc within its circle.
struct PatchCells {
  const float *patches, *wanted, *share, *chance;
  const std::int64_t* count;
  const std::uint8_t* disc;
  std::int64_t number;
};

struct PatchSamples {
  std::vector<float> xyz;  // (n, 3), one after another
  std::vector<std::int64_t> patch;
};
PatchSamples sample_patches(const PatchCells& cells);

}  // namespace mtml
