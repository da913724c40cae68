// Suppression of masks that overlap better ones.
#pragma once

#include <cstdint>
#include <vector>

#include "masks.hpp"

namespace mtml {

// Greedy suppression in the order given: a mask goes when its IoU with a better one that stays is
// above `iou`. kept: positions, in order; greatest: of each kept one its greatest IoU with a better
// one that stays.
struct Suppressed {
  std::vector<std::int64_t> kept;
  std::vector<double> greatest;
};
Suppressed suppress(const Masks& masks, const std::int64_t* order, std::int64_t voxels, double iou);

}  // namespace mtml
