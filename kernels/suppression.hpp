// Suppression of masks, sets of voxels, that overlap better ones.
#pragma once

#include <cstdint>
#include <vector>

namespace mtml {

// The voxels of mask p are voxel[starts[p]] up to voxel[starts[p + 1]], ascending.
struct Masks {
  std::int64_t count = 0;
  const std::int64_t* starts = nullptr;
  const std::int64_t* voxel = nullptr;

  std::int64_t size(std::int64_t p) const { return starts[p + 1] - starts[p]; }
};

// Greedy suppression in the order given: a mask goes when its IoU with a better one that stays is
// above `iou`. kept: positions, in order; greatest: of each kept one its greatest IoU with a better
// one that stays.
struct Suppressed {
  std::vector<std::int64_t> kept;
  std::vector<double> greatest;
};
Suppressed suppress(const Masks& masks, const std::int64_t* order, std::int64_t voxels, double iou);

}  // namespace mtml
