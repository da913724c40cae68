// Which voxels touch, and the connected components of equal labels.
#pragma once

#include <cstdint>
#include <vector>

namespace mtml {

// The voxels that touch voxel v by a face, edge or corner, ascending: index[starts[v]] up to
// index[starts[v + 1]]. level, upright: how many of them lie at its own height, right above and below.
struct Neighbors {
  std::vector<std::int64_t> starts{0};
  std::vector<std::int32_t> index;
  std::vector<std::uint8_t> level, upright;

  std::int64_t voxels() const { return static_cast<std::int64_t>(starts.size()) - 1; }
};

// keys: ascending, none twice, x, y and z in `bits` bits each.
Neighbors touching(const std::int64_t* keys, std::int64_t count, int bits);

// The component of each voxel among those of its own label, numbered by their first voxels; -1
// where the label is negative. For `labellings` of them, one after another.
std::vector<std::int64_t> label_components(const Neighbors& neighbors, const std::int64_t* labels,
                                           std::int64_t labellings);

}  // namespace mtml
