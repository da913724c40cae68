// What changes across the borders of masks.
#pragma once

#include <cstdint>
#include <vector>

#include "components.hpp"
#include "convolution.hpp"
#include "masks.hpp"

namespace mtml {

// What is known of each voxel; features and probability may be missing (null, 0 columns).
struct VoxelValues {
  int dimensions = 0, features = 0, classes = 0;
  Rows<const float> embedding, deep, probability;
  const std::uint8_t* candidate = nullptr;
  const std::int64_t* component = nullptr;
};

// Sums over pairs of touching voxels. The jump of a pair is the distance of its embeddings, `far`
// at most.
struct Borders {
  // (masks, 2): pairs within a mask, their jumps
  std::vector<double> within;
  // (masks, crossing_columns): pairs that a mask's border cuts, those of them with both ends
  // candidates ("inside"), those in one component; the jumps of the second and third kind; jumps
  // above 1 of the second; then for deep features their distance, and for probabilities their
  // product, over the second and third kind
  std::vector<double> crossing;
};

constexpr int crossing_columns(const VoxelValues& v) {
  return 6 + (v.deep.data ? 2 : 0) + (v.probability.data ? 2 : 0);
}

Borders borders(const Masks& masks, const Neighbors& neighbors, const VoxelValues& values,
                float far);

}  // namespace mtml
