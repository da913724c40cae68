// Which voxels touch, and the connected components of equal labels.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace mtml {

using Edge = std::array<std::int64_t, 2>;

// Pairs of voxels that touch by a face, edge or corner, each once. keys: ascending, none twice,
// x, y and z in `bits` bits each.
std::vector<Edge> neighbor_edges(const std::int64_t* keys, std::int64_t count, int bits);

// The component of each of `count` voxels among those of its own label, numbered by their first
// voxels; -1 where the label is negative.
std::vector<std::int32_t> label_components(const Edge* edges, std::int64_t num_edges,
                                           const std::int64_t* labels, std::int64_t count);

}  // namespace mtml
