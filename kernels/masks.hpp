// Masks, sets of voxels that may overlap.
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

// The masks of each of `voxels` voxels, ascending: mask[starts[v]] up to mask[starts[v + 1]].
struct MasksOfVoxels {
  MasksOfVoxels(const Masks& masks, std::int64_t voxels);

  std::vector<std::int64_t> starts;
  std::vector<std::int32_t> mask;
};

// What several partitions of the same voxels hold, each mask once however many have it.
struct Partitioned {
  std::vector<std::int64_t> voxel, starts{0};
  std::vector<std::uint8_t> source;  // (masks, partitions): which partitions have a mask
};

// The masks of at least `least` voxels of partitions (number, voxels): labels from 0, -1 for none;
// by the first partition that has them, there by label.
Partitioned masks_of_partitions(const std::int64_t* labels, std::int64_t number,
                                std::int64_t voxels, std::int64_t least);

// Which masks share voxels, and how many: all ordered pairs, each mask with itself too.
struct Overlaps {
  std::vector<std::int64_t> first, second, shared;
};
Overlaps overlaps(const Masks& masks, std::int64_t voxels);

}  // namespace mtml
