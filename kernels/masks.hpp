// What is measured of masks, sets of voxels that may overlap, for their scores.
#pragma once

#include <cstdint>
#include <vector>

#include "components.hpp"

namespace mtml {

// The voxels of mask p are voxel[starts[p]] up to voxel[starts[p + 1]], ascending.
struct Masks {
  std::int64_t count = 0;
  const std::int64_t* starts = nullptr;
  const std::int64_t* voxel = nullptr;

  std::int64_t size(std::int64_t p) const { return starts[p + 1] - starts[p]; }
};

// (count, columns): the mean over each mask of its voxels' rows of values (voxels, columns).
std::vector<double> mask_means(const Masks& masks, const float* values, int columns);

// (count, 3): shares of each mask's rows within .5 and within 1 of its mean, and their mean
// distance. means: (count, columns) of values.
std::vector<double> mask_spread(const Masks& masks, const float* values, int columns,
                                const double* means);

// (count, 2): the share of the contacts of a mask's voxels that leave it, and the mean distance
// of values across those, each counted as at most `most`, which also stands where there are none.
std::vector<double> mask_contacts(const Masks& masks, const std::vector<Edge>& contacts,
                                  std::int64_t voxels, const float* values, int columns,
                                  float most);

// (count, 2): of the group (>= 0) that most of a mask's voxels have (the first among equals), the
// share that is in the mask, and the share of the mask that is in it; 0 where none has a group.
std::vector<double> main_group_shares(const Masks& masks, const std::int64_t* group,
                                      std::int64_t voxels);

// Greedy suppression in the order given: a mask goes when its IoU with a better one that stays is
// above `iou`. kept: positions, in order; greatest: of each kept one its greatest IoU with a better
// one that stays.
struct Suppressed {
  std::vector<std::int64_t> kept;
  std::vector<double> greatest;
};
Suppressed suppress(const Masks& masks, const std::int64_t* order, std::int64_t voxels, double iou);

}  // namespace mtml
