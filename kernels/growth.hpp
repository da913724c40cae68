// Seeds that grow over voxels that touch.
#pragma once

#include <cstdint>
#include <vector>

#include "components.hpp"

namespace mtml {

// The seed, from 0, that each voxel is nearest to: the least sum of `cost`, not below 0, of the
// voxels on the way to it, its own included; the lower of two as near. -1 where no way leads to:
// ways stay among voxels of one group and go through no other seed. seed: -1 where there is none.
std::vector<std::int64_t> grow(const Neighbors& neighbors, const std::int64_t* cost,
                               const std::int64_t* seed, const std::int64_t* group);

}  // namespace mtml
