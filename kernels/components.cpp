// Which voxels touch, and the connected components of equal labels, in linear time.
#include "components.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <stdexcept>

#include "thread_pool.hpp"

namespace mtml {
namespace {

constexpr std::int64_t VOXELS_A_TASK = 4096;

}  // namespace

Neighbors touching(const std::int64_t* keys, std::int64_t count, int bits) {
  if (count > std::numeric_limits<std::int32_t>::max())
    throw std::length_error("more voxels than neighbours can be kept of");
  const auto tasks = (count + VOXELS_A_TASK - 1) / VOXELS_A_TASK;
  std::vector<std::vector<std::int32_t>> found(tasks);
  Neighbors result;
  result.starts.assign(count + 1, 0);
  result.level.assign(count, 0);
  result.upright.assign(count, 0);
  parallel(tasks, [&](std::int64_t task) {
    const auto first = task * VOXELS_A_TASK, last = std::min(count, first + VOXELS_A_TASK);
    auto& mine = found[task];
    mine.resize(26 * (last - first) + 1);  // the last may be written to, and does not count
    std::int64_t number = 0;
    // Keys ascend, and so do those of the row of three voxels at each of nine offsets: where the
    // last row was found the next search begins.
    std::array<std::int64_t, 9> offset, at;
    for (int r = 0; r < 9; ++r) {
      offset[r] = (r / 3 - 1) * (1LL << 2 * bits) + (r % 3 - 1) * (1LL << bits) - 1;
      at[r] = std::lower_bound(keys, keys + count, keys[first] + offset[r]) - keys;
    }
    for (auto v = first; v < last; ++v) {
      const auto before = number;
      int level = 0, upright = 0;
      for (int r = 0; r < 9; ++r) {
        const auto wanted = keys[v] + offset[r];
        auto& here = at[r];
        while (here < count && keys[here] < wanted) ++here;
        auto there = here;
        for (int z = 0; z < 3; ++z) {  // no branch, which nobody could predict
          const bool match = keys[std::min(there, count - 1)] == wanted + z;
          const bool other = match && there != v;
          mine[number] = static_cast<std::int32_t>(there);
          number += other;
          there += match;
          level += other && z == 1;
          upright += other && r == 4;
        }
      }
      result.level[v] = static_cast<std::uint8_t>(level);
      result.upright[v] = static_cast<std::uint8_t>(upright);
      result.starts[v + 1] = number - before;
    }
    mine.resize(number);
  });
  std::partial_sum(result.starts.begin(), result.starts.end(), result.starts.begin());
  result.index.resize(result.starts.back());
  parallel(tasks, [&](std::int64_t task) {
    std::copy(found[task].begin(), found[task].end(),
              result.index.begin() + result.starts[task * VOXELS_A_TASK]);
  });
  return result;
}

namespace {

void find_components(const Neighbors& neighbors, const std::int64_t* labels,
                     std::int64_t* component) {
  const auto count = neighbors.voxels();
  std::vector<std::int32_t> root(count);
  const auto find = [&](std::int32_t v) {
    while (root[v] != v) v = root[v] = root[root[v]];
    return v;
  };
  for (std::int64_t v = 0; v < count; ++v) {
    auto mine = root[v] = static_cast<std::int32_t>(v);
    if (labels[v] < 0) continue;
    for (auto i = neighbors.starts[v]; i < neighbors.starts[v + 1] && neighbors.index[i] < v; ++i) {
      const auto other = neighbors.index[i];
      if (labels[other] != labels[v] || root[other] == mine) continue;
      const auto theirs = find(other);
      root[std::max(mine, theirs)] = std::min(mine, theirs);  // a component's first voxel
      mine = std::min(mine, theirs);
    }
  }
  std::int64_t next = 0;
  for (std::int64_t v = 0; v < count; ++v) {
    const auto first = find(static_cast<std::int32_t>(v));
    component[v] = labels[v] < 0 ? -1 : first == v ? next++ : component[first];
  }
}

}  // namespace

std::vector<std::int64_t> label_components(const Neighbors& neighbors, const std::int64_t* labels,
                                           std::int64_t labellings) {
  const auto count = neighbors.voxels();
  std::vector<std::int64_t> component(labellings * count);
  parallel(labellings, [&](std::int64_t i) {
    find_components(neighbors, labels + i * count, component.data() + i * count);
  });
  return component;
}

}  // namespace mtml
