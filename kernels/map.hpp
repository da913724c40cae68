// Which voxel feeds which in a sparse convolution ("rulebook"), laid out as the kernels read it.
#pragma once

#include <cstdint>
#include <vector>

#include "convolution.hpp"

namespace mtml {

struct Map {
  int elements = 0;
  std::int64_t inputs = 0, outputs = 0;
  std::vector<std::int64_t> starts;  // tiles * elements + 1
  std::vector<std::uint8_t> output;
  std::vector<std::int32_t> input;

  std::int64_t tiles() const { return (outputs + TILE - 1) / TILE; }
  Pairs pairs() const { return {elements, starts.data(), output.data(), input.data()}; }
};

// Keys hold a voxel's x, y, z (and above them its scene) in this many bits each.
constexpr int BITS = 18;

// The map of a submanifold 3^3 convolution: element 9 (dx + 1) + 3 (dy + 1) + dz + 1 reads the voxel
// at (dx, dy, dz) from the output's. keys: ascending, none twice.
Map neighbor_map(const std::int64_t* keys, std::int64_t count);

// Halving the resolution: the coarse voxels' keys, ascending; the map of a 2^3 convolution of
// stride 2 down to them, and that of its transpose up again. Element 4 (x % 2) + 2 (y % 2) + z % 2.
struct Halved {
  std::vector<std::int64_t> keys;
  Map down, up;
};
Halved halved(const std::int64_t* keys, std::int64_t count);

}  // namespace mtml
