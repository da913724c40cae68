// Boxes about voxels that are turned about the vertical axis only.
#pragma once

#include <cstdint>

namespace mtml {

// In voxels, from the corner of voxel (0, 0, 0). size: along the box's own axes, the longer
// horizontal side first. yaw: radians, counter-clockwise, in [-pi/2, pi/2).
struct Box {
  double center[3], size[3], yaw;
};

// The box of least footprint around whole voxels, coordinates (count, 3), count at least 1. The
// least rectangle around a convex outline has a side along one of the outline's edges (Freeman and
// Shapira 1975), so only those directions are tried: those of the centres' outline, and the voxels'
// own sides.
Box least_box(const std::int64_t* coordinates, std::int64_t count);

}  // namespace mtml
