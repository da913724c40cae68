// Which voxels touch, and the connected components of equal labels, in linear time.
#include "components.hpp"

#include <algorithm>
#include <numeric>

#include "thread_pool.hpp"

namespace mtml {

std::vector<Edge> neighbor_edges(const std::int64_t* keys, std::int64_t count, int bits) {
  constexpr int HALF = 13;  // of the 26 neighbours, those with larger keys
  std::array<std::vector<Edge>, HALF> found;
  parallel(HALF, [&](std::int64_t i) {
    const std::int64_t k = i + HALF + 1;
    const std::int64_t offset =
        (k / 9 - 1) * (1LL << 2 * bits) + (k / 3 % 3 - 1) * (1LL << bits) + k % 3 - 1;
    std::int64_t there = 0;
    for (std::int64_t here = 0; here < count; ++here) {
      const auto wanted = keys[here] + offset;
      while (there < count && keys[there] < wanted) ++there;
      if (there < count && keys[there] == wanted) found[i].push_back({here, there});
    }
  });
  std::vector<Edge> edges;
  for (const auto& part : found) edges.insert(edges.end(), part.begin(), part.end());
  return edges;
}

std::vector<std::int32_t> label_components(const Edge* edges, std::int64_t num_edges,
                                           const std::int64_t* labels, std::int64_t count) {
  std::vector<std::int32_t> root(count);
  std::iota(root.begin(), root.end(), 0);
  const auto find = [&](std::int32_t v) {
    while (root[v] != v) v = root[v] = root[root[v]];
    return v;
  };
  for (std::int64_t e = 0; e < num_edges; ++e) {
    const auto [a, b] = edges[e];
    if (labels[a] < 0 || labels[a] != labels[b]) continue;
    const auto x = find(static_cast<std::int32_t>(a)), y = find(static_cast<std::int32_t>(b));
    root[std::max(x, y)] = std::min(x, y);  // the root is a component's first voxel
  }
  std::vector<std::int32_t> component(count, -1);
  std::int32_t next = 0;
  for (std::int64_t v = 0; v < count; ++v) {
    if (labels[v] < 0) continue;
    const auto first = find(static_cast<std::int32_t>(v));
    component[v] = first == v ? next++ : component[first];
  }
  return component;
}

}  // namespace mtml
