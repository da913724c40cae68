// A simulated depth image: which samples of surfaces a camera sees.
#pragma once

#include <cstdint>
#include <vector>

namespace mtml {

constexpr int NEAR_PIXELS = 3;  // a pixel of the image for what is near is so many fine ones wide

// What there is to see: flat patches, and samples (samples, 3) on them, those of patch i from row
// starts[i] to before starts[i + 1]. A patch's plane is normal * x = offset; all of it lies within
// radius of its center.
struct SampledPatches {
  const float *xyz, *normal, *offset, *center, *radius;
  const std::int64_t* starts;
  std::int64_t patches;
};

// A camera: position, axes (right, down, forward as rows), and an image of rows x columns pixels,
// multiples of NEAR_PIXELS, each `pixel` wide at a depth of 1. Seen is what lies between the ranges
// and whose surface meets the ray at a cosine above `grazing`.
struct DepthCamera {
  const float *position, *axes;
  int rows, columns;
  float pixel, min_range, max_range, grazing;
};

// Samples seen, ascending, each with its depth and whether it lies at a jump of the depth.
struct SeenSamples {
  std::vector<std::int64_t> sample;
  std::vector<float> depth;
  std::vector<std::uint8_t> edge;
};
SeenSamples see(const SampledPatches& patches, const DepthCamera& camera);

}  // namespace mtml
