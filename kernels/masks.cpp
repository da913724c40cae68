// What is measured of masks for their scores: each mask by one thread, linear in its voxels.
#include "masks.hpp"

#include <algorithm>
#include <cmath>

#include "thread_pool.hpp"

namespace mtml {
namespace {

constexpr std::int64_t MASKS_A_TASK = 16;

// Calls measure(p) for each mask; make_measure is called once a task, for its working memory.
template <class MakeMeasure>
void for_each_mask(const Masks& masks, MakeMeasure make_measure) {
  parallel((masks.count + MASKS_A_TASK - 1) / MASKS_A_TASK, [&](std::int64_t task) {
    auto measure = make_measure();
    const auto last = std::min(masks.count, (task + 1) * MASKS_A_TASK);
    for (auto p = task * MASKS_A_TASK; p < last; ++p) measure(p);
  });
}

// A thread's counters, one a voxel or group; whoever uses them leaves them all 0.
std::vector<std::int32_t>& counters(std::int64_t size) {
  thread_local std::vector<std::int32_t> held;
  if (static_cast<std::int64_t>(held.size()) < size) held.resize(size, 0);
  return held;
}

}  // namespace

std::vector<double> mask_means(const Masks& masks, const float* values, int columns) {
  std::vector<double> means(masks.count * columns, 0.0);
  for_each_mask(masks, [&] {
    return [&](std::int64_t p) {
      double* mean = &means[p * columns];
      for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i) {
        const float* row = values + masks.voxel[i] * columns;
        for (int c = 0; c < columns; ++c) mean[c] += row[c];
      }
      for (int c = 0; c < columns; ++c) mean[c] /= static_cast<double>(masks.size(p));
    };
  });
  return means;
}

std::vector<double> mask_spread(const Masks& masks, const float* values, int columns,
                                const double* means) {
  std::vector<double> spread(masks.count * 3);
  for_each_mask(masks, [&] {
    return [&](std::int64_t p) {
      double half = 0, one = 0, total = 0;
      const double* mean = means + p * columns;
      for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i) {
        const float* row = values + masks.voxel[i] * columns;
        double squared = 0;
        for (int c = 0; c < columns; ++c) squared += (row[c] - mean[c]) * (row[c] - mean[c]);
        const double distance = std::sqrt(squared);
        half += distance <= 0.5;
        one += distance <= 1.0;
        total += distance;
      }
      const auto size = static_cast<double>(masks.size(p));
      spread[3 * p] = half / size;
      spread[3 * p + 1] = one / size;
      spread[3 * p + 2] = total / size;
    };
  });
  return spread;
}

std::vector<double> mask_contacts(const Masks& masks, const std::vector<Edge>& contacts,
                                  std::int64_t voxels, const float* values, int columns,
                                  float most) {
  // both ends of each contact, in rows by voxel
  std::vector<std::int64_t> starts(voxels + 1, 0);
  for (const auto& [a, b] : contacts) ++starts[a + 1], ++starts[b + 1];
  for (std::int64_t v = 0; v < voxels; ++v) starts[v + 1] += starts[v];
  struct Contact {
    std::int32_t other;
    float jump;
  };
  std::vector<Contact> rows(2 * contacts.size());
  auto next = starts;
  for (const auto& [a, b] : contacts) {
    float squared = 0;
    for (int c = 0; c < columns; ++c) {
      const float gap = values[a * columns + c] - values[b * columns + c];
      squared += gap * gap;
    }
    const float jump = std::min(std::sqrt(squared), most);
    rows[next[a]++] = {static_cast<std::int32_t>(b), jump};
    rows[next[b]++] = {static_cast<std::int32_t>(a), jump};
  }
  std::vector<double> result(2 * masks.count);
  for_each_mask(masks, [&] {
    auto& member = counters(voxels);
    return [&](std::int64_t p) {
      const auto first = masks.starts[p], last = masks.starts[p + 1];
      for (auto i = first; i < last; ++i) member[masks.voxel[i]] = 1;
      std::int64_t all = 0, leaving = 0;
      double jumps = 0;
      for (auto i = first; i < last; ++i) {
        const auto v = masks.voxel[i];
        all += starts[v + 1] - starts[v];
        for (auto r = starts[v]; r < starts[v + 1]; ++r)
          if (!member[rows[r].other]) {
            ++leaving;
            jumps += rows[r].jump;
          }
      }
      for (auto i = first; i < last; ++i) member[masks.voxel[i]] = 0;
      result[2 * p] = static_cast<double>(leaving) / static_cast<double>(std::max<std::int64_t>(all, 1));
      result[2 * p + 1] = leaving ? jumps / static_cast<double>(leaving) : most;
    };
  });
  return result;
}

std::vector<double> main_group_shares(const Masks& masks, const std::int64_t* group,
                                      std::int64_t voxels) {
  std::int64_t groups = 0;
  for (std::int64_t v = 0; v < voxels; ++v) groups = std::max(groups, group[v] + 1);
  std::vector<std::int64_t> total(groups, 0);
  for (std::int64_t v = 0; v < voxels; ++v)
    if (group[v] >= 0) ++total[group[v]];
  std::vector<double> shares(2 * masks.count, 0.0);
  for_each_mask(masks, [&] {
    auto& seen = counters(groups);
    return [&](std::int64_t p) {
      const auto first = masks.starts[p], last = masks.starts[p + 1];
      std::int64_t best = -1;
      for (auto i = first; i < last; ++i) {
        const auto g = group[masks.voxel[i]];
        if (g >= 0) ++seen[g];
      }
      for (auto i = first; i < last; ++i) {
        const auto g = group[masks.voxel[i]];
        if (g >= 0 && (best < 0 || seen[g] > seen[best] || (seen[g] == seen[best] && g < best)))
          best = g;
      }
      if (best >= 0) {
        shares[2 * p] = static_cast<double>(seen[best]) / static_cast<double>(total[best]);
        shares[2 * p + 1] = static_cast<double>(seen[best]) / static_cast<double>(masks.size(p));
      }
      for (auto i = first; i < last; ++i)
        if (group[masks.voxel[i]] >= 0) seen[group[masks.voxel[i]]] = 0;
    };
  });
  return shares;
}

Suppressed suppress(const Masks& masks, const std::int64_t* order, std::int64_t voxels,
                    double iou) {
  // the masks of each voxel
  std::vector<std::int64_t> starts(voxels + 1, 0);
  const auto entries = masks.starts[masks.count];
  for (std::int64_t i = 0; i < entries; ++i) ++starts[masks.voxel[i] + 1];
  for (std::int64_t v = 0; v < voxels; ++v) starts[v + 1] += starts[v];
  std::vector<std::int64_t> owners(entries);
  auto next = starts;
  for (std::int64_t p = 0; p < masks.count; ++p)
    for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i) owners[next[masks.voxel[i]]++] = p;

  std::vector<double> greatest(masks.count, 0.0);
  std::vector<std::int64_t> shared(masks.count, 0), touched;
  std::vector<bool> later(masks.count, true);
  Suppressed result;
  for (std::int64_t rank = 0; rank < masks.count; ++rank) {
    const auto p = order[rank];
    later[p] = false;
    if (greatest[p] > iou) continue;
    result.kept.push_back(p);
    result.greatest.push_back(greatest[p]);
    touched.clear();
    for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i)
      for (auto o = starts[masks.voxel[i]]; o < starts[masks.voxel[i] + 1]; ++o)
        if (later[owners[o]] && shared[owners[o]]++ == 0) touched.push_back(owners[o]);
    for (const auto other : touched) {
      const auto joint = masks.size(p) + masks.size(other) - shared[other];
      greatest[other] = std::max(
          greatest[other], static_cast<double>(shared[other]) / static_cast<double>(joint));
      shared[other] = 0;
    }
  }
  return result;
}

}  // namespace mtml
