// Suppression of masks that overlap better ones: linear in the pairs of masks that share a voxel.
#include "suppression.hpp"

#include <algorithm>

namespace mtml {

Suppressed suppress(const Masks& masks, const std::int64_t* order, std::int64_t voxels,
                    double iou) {
  const MasksOfVoxels of(masks, voxels);
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
      for (auto o = of.starts[masks.voxel[i]]; o < of.starts[masks.voxel[i] + 1]; ++o)
        if (later[of.mask[o]] && shared[of.mask[o]]++ == 0) touched.push_back(of.mask[o]);
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
