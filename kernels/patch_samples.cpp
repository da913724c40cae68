#include "patch_samples.hpp"

namespace mtml {

PatchSamples sample_patches(const PatchCells& cells) {
  PatchSamples samples;
  const float *share = cells.share, *chance = cells.chance;
  for (std::int64_t i = 0; i < cells.number; ++i) {
    const float* const corner = cells.patches + 9 * i;
    const float *const first = corner + 3, *const second = corner + 6;
    const auto rows = cells.count[2 * i], columns = cells.count[2 * i + 1];
    for (std::int64_t row = 0; row < rows; ++row)
      for (std::int64_t column = 0; column < columns; ++column, share += 2, ++chance) {
        if (!(*chance < cells.wanted[i])) continue;
        // places are shares of a cell: doubles keep them apart on patches of many cells
        const auto a = static_cast<float>((static_cast<double>(row) + share[0]) /
                                          static_cast<double>(rows));
        const auto b = static_cast<float>((static_cast<double>(column) + share[1]) /
                                          static_cast<double>(columns));
        if (cells.disc[i] && (a - .5f) * (a - .5f) + (b - .5f) * (b - .5f) > .25f) continue;
        for (int k = 0; k < 3; ++k)
          samples.xyz.push_back(corner[k] + a * first[k] + b * second[k]);
        samples.patch.push_back(i);
      }
  }
  return samples;
}

}  // namespace mtml
