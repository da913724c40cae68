// Maps of sparse convolutions from the voxels' sorted keys, in linear time.
#include "map.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <stdexcept>

#include "thread_pool.hpp"

namespace mtml {
namespace {

constexpr std::int64_t TILES_A_TASK = 32;

// The pairs of a few tiles, found by one thread.
struct Part {
  std::vector<std::int64_t> ends;
  std::vector<std::uint8_t> output;
  std::vector<std::int32_t> input;

  void add(std::int64_t in_tile, std::int64_t from) {
    output.push_back(static_cast<std::uint8_t>(in_tile));
    input.push_back(static_cast<std::int32_t>(from));
  }
};

// Fills a map from find(tile, part), which adds a tile's pairs and ends an element at a time.
template <class MakeFind>
void fill(Map& map, MakeFind make_find) {
  if (std::max(map.inputs, map.outputs) > std::numeric_limits<std::int32_t>::max())
    throw std::length_error("more voxels than a map can hold");
  const auto tiles = map.tiles();
  const auto tasks = (tiles + TILES_A_TASK - 1) / TILES_A_TASK;
  std::vector<Part> parts(tasks);
  parallel(tasks, [&](std::int64_t task) {
    auto find = make_find();
    const auto last = std::min(tiles, (task + 1) * TILES_A_TASK);
    for (auto tile = task * TILES_A_TASK; tile < last; ++tile) find(tile, parts[task]);
  });
  std::int64_t pairs = 0;
  std::vector<std::int64_t> before;
  for (const auto& part : parts) {
    before.push_back(pairs);
    pairs += static_cast<std::int64_t>(part.input.size());
  }
  map.starts.resize(tiles * map.elements + 1);
  map.output.resize(pairs);
  map.input.resize(pairs);
  map.starts[0] = 0;
  parallel(tasks, [&](std::int64_t task) {
    const auto& part = parts[task];
    std::copy(part.output.begin(), part.output.end(), map.output.begin() + before[task]);
    std::copy(part.input.begin(), part.input.end(), map.input.begin() + before[task]);
    auto start = map.starts.begin() + task * TILES_A_TASK * map.elements + 1;
    for (const auto end : part.ends) *start++ = before[task] + end;
  });
}

}  // namespace

Map neighbor_map(const std::int64_t* keys, std::int64_t count) {
  Map map;
  map.elements = 27;
  map.inputs = map.outputs = count;
  fill(map, [&] {
    // Keys ascend, and so do those of the three elements in a row at each of nine offsets: where
    // the last were found the next search begins.
    std::array<std::int64_t, 9> at;
    at.fill(-1);
    return [=](std::int64_t tile, Part& part) mutable {
      const auto first = tile * TILE, last = std::min(count, first + TILE);
      for (int row = 0; row < 9; ++row) {
        const auto offset = (row / 3 - 1) * (1LL << 2 * BITS) + (row % 3 - 1) * (1LL << BITS) - 1;
        auto here = at[row];
        if (here < 0) here = std::lower_bound(keys, keys + count, keys[first] + offset) - keys;
        std::array<std::array<std::int32_t, TILE>, 3> found;
        std::array<std::array<std::uint8_t, TILE>, 3> of;
        std::array<int, 3> number{};
        for (auto v = first; v < last; ++v) {
          while (here < count && keys[here] < keys[v] + offset) ++here;
          auto there = here;
          for (int z = 0; z < 3; ++z) {  // no branch, which nobody could predict
            const bool match = keys[std::min(there, count - 1)] == keys[v] + offset + z;
            found[z][number[z]] = static_cast<std::int32_t>(there);
            of[z][number[z]] = static_cast<std::uint8_t>(v - first);
            number[z] += match;
            there += match;
          }
        }
        at[row] = here;
        for (int z = 0; z < 3; ++z) {
          part.output.insert(part.output.end(), of[z].begin(), of[z].begin() + number[z]);
          part.input.insert(part.input.end(), found[z].begin(), found[z].begin() + number[z]);
          part.ends.push_back(static_cast<std::int64_t>(part.input.size()));
        }
      }
    };
  });
  return map;
}

namespace {

constexpr std::int64_t ONES = (1LL << 2 * BITS) | (1LL << BITS) | 1;

std::int64_t parent_key(std::int64_t key) { return (key & ~ONES) >> 1; }

int child_element(std::int64_t key) {
  return static_cast<int>((key >> 2 * BITS & 1) * 4 + (key >> BITS & 1) * 2 + (key & 1));
}

// Coarse keys in ascending order, with each voxel's parent. A coarse row (x, y) is made of up to
// four rows of voxels, each ascending in z: they are merged.
std::vector<std::int64_t> merge_rows(const std::int64_t* keys, std::int64_t count,
                                     std::vector<std::int32_t>& parent) {
  std::vector<std::int64_t> coarse;
  coarse.reserve(count / 2);
  const auto slab = [&](std::int64_t i) { return parent_key(keys[i]) >> 2 * BITS; };
  const auto row = [&](std::int64_t i) { return parent_key(keys[i]) >> BITS; };
  for (std::int64_t i = 0; i < count;) {
    // a coarse slab: its voxels of even x, then those of odd x, each in rows of ascending y
    const auto here = slab(i);
    std::int64_t odd = i;
    while (odd < count && slab(odd) == here && !(keys[odd] >> 2 * BITS & 1)) ++odd;
    std::int64_t end = odd;
    while (end < count && slab(end) == here) ++end;
    std::int64_t a = i, b = odd;
    while (a < odd || b < end) {
      auto next = std::numeric_limits<std::int64_t>::max();
      if (a < odd) next = row(a);
      if (b < end) next = std::min(next, row(b));
      std::array<std::int64_t, 4> at, stop;
      const auto take = [&](std::int64_t& from, std::int64_t limit, int slot) {
        for (int y = 0; y < 2; ++y) {
          at[slot + y] = from;
          while (from < limit && row(from) == next && (keys[from] >> BITS & 1) == y) ++from;
          stop[slot + y] = from;
        }
      };
      take(a, odd, 0);
      take(b, end, 2);
      for (;;) {
        auto least = std::numeric_limits<std::int64_t>::max();
        for (int s = 0; s < 4; ++s)
          if (at[s] < stop[s]) least = std::min(least, parent_key(keys[at[s]]));
        if (least == std::numeric_limits<std::int64_t>::max()) break;
        const auto number = static_cast<std::int32_t>(coarse.size());
        coarse.push_back(least);
        for (int s = 0; s < 4; ++s)
          while (at[s] < stop[s] && parent_key(keys[at[s]]) == least) parent[at[s]++] = number;
      }
    }
    i = end;
  }
  return coarse;
}

}  // namespace

Halved halved(const std::int64_t* keys, std::int64_t count) {
  Halved result;
  std::vector<std::int32_t> parent(count);
  result.keys = merge_rows(keys, count, parent);
  const auto coarse = static_cast<std::int64_t>(result.keys.size());
  std::vector<std::int32_t> child(8 * coarse, -1);
  for (std::int64_t v = 0; v < count; ++v)
    child[8 * parent[v] + child_element(keys[v])] = static_cast<std::int32_t>(v);

  result.down.elements = result.up.elements = 8;
  result.down.inputs = result.up.outputs = count;
  result.down.outputs = result.up.inputs = coarse;
  fill(result.down, [&] {
    return [&](std::int64_t tile, Part& part) {
      const auto first = tile * TILE, last = std::min(coarse, first + TILE);
      for (int k = 0; k < 8; ++k) {
        for (auto v = first; v < last; ++v)
          if (child[8 * v + k] >= 0) part.add(v - first, child[8 * v + k]);
        part.ends.push_back(static_cast<std::int64_t>(part.input.size()));
      }
    };
  });
  fill(result.up, [&] {
    return [&](std::int64_t tile, Part& part) {
      const auto first = tile * TILE, last = std::min(count, first + TILE);
      for (int k = 0; k < 8; ++k) {
        for (auto v = first; v < last; ++v)
          if (child_element(keys[v]) == k) part.add(v - first, parent[v]);
        part.ends.push_back(static_cast<std::int64_t>(part.input.size()));
      }
    };
  });
  return result;
}

}  // namespace mtml
