// Rays are not traced: the samples themselves are drawn into a depth image, and what does not lie
// behind the plane of the patch nearest in its pixel is seen.
#include "depth_images.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace mtml {
namespace {

// Metres.
constexpr float BLIND = 0.06f;         // what is nearer hides nothing: no camera is in a wall
constexpr float MAX_TOLERANCE = 0.4f;  // so far behind the nearest nothing is seen, however steep
constexpr float BEHIND = 0.02f;        // what is so far behind the surface before it is hidden
constexpr float EDGE = 0.25f;          // a jump of the depth to the next pixel that makes an edge
constexpr float NOTHING = std::numeric_limits<float>::infinity();

float dot(const float* a, const float* b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

struct Vector {
  float x, y, z;
};

Vector seen_from(const DepthCamera& camera, const float* point) {
  const float* const p = camera.position;
  const float local[3] = {point[0] - p[0], point[1] - p[1], point[2] - p[2]};
  return {dot(camera.axes, local), dot(camera.axes + 3, local), dot(camera.axes + 6, local)};
}

// Least depths and the patches that have them.
struct Image {
  Image(int rows, int columns)
      : rows(rows), columns(columns), depth(static_cast<std::size_t>(rows) * columns, NOTHING),
        owner(depth.size(), 0) {}

  // Those of the four neighbours of a pixel, itself where the image ends.
  template <class Use>
  void around(int row, int column, Use use) const {
    const auto at = static_cast<std::size_t>(row) * columns + column;
    use(row > 0 ? at - columns : at);
    use(row + 1 < rows ? at + columns : at);
    use(column > 0 ? at - 1 : at);
    use(column + 1 < columns ? at + 1 : at);
  }

  int rows, columns;
  std::vector<float> depth;
  std::vector<std::int64_t> owner;
};

// Pixels behind all four neighbours are as the farthest of them: no sample of the surface there
// fell into that pixel, and one would look through it.
Image without_holes(const Image& image) {
  Image filled = image;
  for (int row = 0; row < image.rows; ++row)
    for (int column = 0; column < image.columns; ++column) {
      const auto at = static_cast<std::size_t>(row) * image.columns + column;
      float worst = -NOTHING;
      auto owner = image.owner[at];
      image.around(row, column, [&](std::size_t next) {
        if (image.depth[next] > worst) {
          worst = image.depth[next];
          owner = image.owner[next];
        }
      });
      if (image.depth[at] > worst + EDGE / 2) {
        filled.depth[at] = worst;
        filled.owner[at] = owner;
      }
    }
  return filled;
}

// Blocks of pixels as their nearest one, where that is nearer than `near`: samples are far apart in
// the picture there.
Image spread(Image fine, float near) {
  Image coarse(fine.rows / NEAR_PIXELS, fine.columns / NEAR_PIXELS);
  const auto of_block = [&](int row, int column) {
    return static_cast<std::size_t>(row / NEAR_PIXELS) * coarse.columns + column / NEAR_PIXELS;
  };
  for (int row = 0; row < fine.rows; ++row)
    for (int column = 0; column < fine.columns; ++column) {
      const auto at = static_cast<std::size_t>(row) * fine.columns + column;
      const auto block = of_block(row, column);
      if (fine.depth[at] < near && fine.depth[at] < coarse.depth[block]) {
        coarse.depth[block] = fine.depth[at];
        coarse.owner[block] = fine.owner[at];
      }
    }
  coarse = without_holes(coarse);
  for (int row = 0; row < fine.rows; ++row)
    for (int column = 0; column < fine.columns; ++column) {
      const auto block = of_block(row, column);
      if (coarse.depth[block] == NOTHING) continue;
      const auto at = static_cast<std::size_t>(row) * fine.columns + column;
      fine.depth[at] = coarse.depth[block];
      fine.owner[at] = coarse.owner[block];
    }
  return fine;
}

struct Candidate {
  std::int64_t sample, patch;
  Vector at;
  std::size_t pixel;
};

// Samples within the picture and the range, of the patches that face the camera.
std::vector<Candidate> candidates(const SampledPatches& patches, const DepthCamera& camera) {
  const float wide = static_cast<float>(camera.columns) * camera.pixel / 2;
  const float high = static_cast<float>(camera.rows) * camera.pixel / 2;
  const float wide_slant = std::sqrt(1 + wide * wide), high_slant = std::sqrt(1 + high * high);
  std::vector<Candidate> found;
  for (std::int64_t i = 0; i < patches.patches; ++i) {
    const float* const normal = patches.normal + 3 * i;
    if (!(dot(normal, camera.position) > patches.offset[i])) continue;
    const auto middle = seen_from(camera, patches.center + 3 * i);
    const float radius = patches.radius[i];
    if (middle.z <= -radius || middle.z >= camera.max_range + radius) continue;
    // distance of the centre to the picture's side planes
    if (std::abs(middle.x) - wide * middle.z >= radius * wide_slant) continue;
    if (std::abs(middle.y) - high * middle.z >= radius * high_slant) continue;
    for (auto k = patches.starts[i]; k < patches.starts[i + 1]; ++k) {
      const auto at = seen_from(camera, patches.xyz + 3 * k);
      if (!(at.z > BLIND && at.z < camera.max_range)) continue;
      if (!(std::abs(at.x) < wide * at.z && std::abs(at.y) < high * at.z)) continue;
      const auto column = static_cast<int>((at.x / at.z + wide) / camera.pixel);
      const auto row = static_cast<int>((at.y / at.z + high) / camera.pixel);
      const auto pixel = static_cast<std::size_t>(std::min(row, camera.rows - 1)) * camera.columns +
                         std::min(column, camera.columns - 1);
      found.push_back({k, i, at, pixel});
    }
  }
  return found;
}

}  // namespace

SeenSamples see(const SampledPatches& patches, const DepthCamera& camera) {
  const auto found = candidates(patches, camera);
  Image image(camera.rows, camera.columns);
  for (const auto& c : found)
    if (c.at.z <= image.depth[c.pixel]) {
      image.depth[c.pixel] = c.at.z;
      image.owner[c.pixel] = c.patch;
    }
  image = spread(without_holes(image), camera.max_range / 2);
  std::vector<float> around(image.depth.size(), NOTHING);
  for (int row = 0; row < image.rows; ++row)
    for (int column = 0; column < image.columns; ++column) {
      auto& least = around[static_cast<std::size_t>(row) * image.columns + column];
      image.around(row, column,
                   [&](std::size_t next) { least = std::min(least, image.depth[next]); });
    }
  SeenSamples seen;
  for (const auto& c : found) {
    const float front = image.depth[c.pixel];
    if (!(c.at.z <= front + MAX_TOLERANCE) || !(c.at.z > camera.min_range)) continue;
    const auto hider = image.owner[c.pixel];
    const float height = dot(patches.normal + 3 * hider, patches.xyz + 3 * c.sample);
    if (height <= patches.offset[hider] - BEHIND && c.at.z >= front + BEHIND) continue;
    const auto toward = dot(patches.normal + 3 * c.patch, camera.position) - patches.offset[c.patch];
    const float distance = std::sqrt(c.at.x * c.at.x + c.at.y * c.at.y + c.at.z * c.at.z);
    if (!(toward > camera.grazing * distance)) continue;
    seen.sample.push_back(c.sample);
    seen.depth.push_back(c.at.z);
    seen.edge.push_back(c.at.z > around[c.pixel] + EDGE);
  }
  return seen;
}

}  // namespace mtml
