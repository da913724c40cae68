// Suppression of masks that overlap better ones: linear in the pairs of masks that share a voxel.
#include "suppression.hpp"

#include <algorithm>

namespace mtml {

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
