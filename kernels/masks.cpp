// Masks of partitions and what masks share, linear in their voxels and in the pairs that share one.
#include "masks.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace mtml {

MasksOfVoxels::MasksOfVoxels(const Masks& masks, std::int64_t voxels)
    : starts(voxels + 1, 0), mask(masks.starts[masks.count]) {
  const auto entries = masks.starts[masks.count];
  for (std::int64_t i = 0; i < entries; ++i) ++starts[masks.voxel[i] + 1];
  for (std::int64_t v = 0; v < voxels; ++v) starts[v + 1] += starts[v];
  std::vector<std::int64_t> next(starts.begin(), starts.end() - 1);
  for (std::int64_t p = 0; p < masks.count; ++p)
    for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i)
      mask[next[masks.voxel[i]]++] = static_cast<std::int32_t>(p);
}

namespace {

// Scattered bits of a voxel's number (the finalizer of SplitMix64).
std::uint64_t scattered(std::uint64_t v) {
  v += 0x9e3779b97f4a7c15;
  v = (v ^ (v >> 30)) * 0xbf58476d1ce4e5b9;
  v = (v ^ (v >> 27)) * 0x94d049bb133111eb;
  return v ^ (v >> 31);
}

}  // namespace

Partitioned masks_of_partitions(const std::int64_t* labels, std::int64_t number,
                                std::int64_t voxels, std::int64_t least) {
  Partitioned result;
  // masks are equal when their sizes and the sums of their voxels' scattered numbers are
  std::map<std::pair<std::int64_t, std::uint64_t>, std::int64_t> known;
  std::vector<std::pair<std::int64_t, std::uint64_t>> content;
  std::vector<std::int64_t> next;
  std::vector<std::uint64_t> scatter(voxels);
  for (std::int64_t v = 0; v < voxels; ++v) scatter[v] = scattered(v);
  for (std::int64_t k = 0; k < number; ++k, labels += voxels) {
    content.clear();
    for (std::int64_t v = 0; v < voxels; ++v) {
      if (labels[v] < 0) continue;
      const auto label = static_cast<std::size_t>(labels[v]);
      if (label >= content.size()) content.resize(label + 1);
      ++content[label].first;
      content[label].second += scatter[v];
    }
    next.assign(content.size(), -1);  // where the next voxel of a new mask goes
    for (std::size_t label = 0; label < content.size(); ++label) {
      if (content[label].first < std::max<std::int64_t>(least, 1)) continue;
      const auto masks = static_cast<std::int64_t>(known.size());
      const auto [place, is_new] = known.emplace(content[label], masks);
      if (is_new) {
        next[label] = result.starts.back();
        result.starts.push_back(result.starts.back() + content[label].first);
        result.source.resize(result.source.size() + number, 0);
      }
      result.source[place->second * number + k] = 1;
    }
    result.voxel.resize(result.starts.back());
    for (std::int64_t v = 0; v < voxels; ++v)
      if (labels[v] >= 0 && next[labels[v]] >= 0) result.voxel[next[labels[v]]++] = v;
  }
  return result;
}

Overlaps overlaps(const Masks& masks, std::int64_t voxels) {
  const MasksOfVoxels of(masks, voxels);
  Overlaps result;
  std::vector<std::int64_t> shared(masks.count, 0);
  std::vector<std::int32_t> touched;
  for (std::int64_t p = 0; p < masks.count; ++p) {
    touched.clear();
    for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i)
      for (auto o = of.starts[masks.voxel[i]]; o < of.starts[masks.voxel[i] + 1]; ++o)
        if (shared[of.mask[o]]++ == 0) touched.push_back(of.mask[o]);
    std::sort(touched.begin(), touched.end());
    for (const auto other : touched) {
      result.first.push_back(p);
      result.second.push_back(other);
      result.shared.push_back(shared[other]);
      shared[other] = 0;
    }
  }
  return result;
}

}  // namespace mtml
