// Dijkstra's algorithm from all seeds at once.
#include "growth.hpp"

#include <functional>
#include <limits>
#include <queue>
#include <utility>

namespace mtml {

std::vector<std::int64_t> grow(const Neighbors& neighbors, const std::int64_t* cost,
                               const std::int64_t* seed, const std::int64_t* group) {
  const auto count = neighbors.voxels();
  using Reach = std::pair<std::int64_t, std::int64_t>;  // cost of the way, and the seed
  constexpr auto FAR = std::numeric_limits<std::int64_t>::max();
  std::vector<Reach> best(count, {FAR, -1});
  using Step = std::pair<Reach, std::int64_t>;
  std::priority_queue<Step, std::vector<Step>, std::greater<Step>> open;
  const auto step_from = [&](std::int64_t v, Reach reach) {
    for (auto i = neighbors.starts[v]; i < neighbors.starts[v + 1]; ++i) {
      const auto next = neighbors.index[i];
      if (seed[next] >= 0 || group[next] != group[v]) continue;
      const Reach there{reach.first + cost[next], reach.second};
      if (!(there < best[next])) continue;
      best[next] = there;
      open.push({there, next});
    }
  };
  for (std::int64_t v = 0; v < count; ++v) {
    if (seed[v] < 0) continue;
    best[v] = {0, seed[v]};
    step_from(v, best[v]);
  }
  while (!open.empty()) {
    const auto [reach, v] = open.top();
    open.pop();
    if (reach == best[v]) step_from(v, reach);
  }
  std::vector<std::int64_t> nearest(count);
  for (std::int64_t v = 0; v < count; ++v) nearest[v] = best[v].second;
  return nearest;
}

}  // namespace mtml
