// The inner loops of mean-shift: which points lie in a ball, and their sum (balls.cpp).
#pragma once

#include <cstdint>

namespace mtml {

constexpr int LARGEST_WIDTH = 16;  // of a vector
constexpr int BLOCK = 64;  // points that lie close to each other, side by side in memory

// Points in blocks: value d of the points of block b at values + (b * dimensions + d) * BLOCK, the
// rest of a block that is not full far from everything. Bounds of each block: d-th of block b at
// low[d * stride + b] and high[d * stride + b], far off for b from `blocks` up to `stride`, a
// multiple of LARGEST_WIDTH.
struct Blocks {
  int dimensions;
  std::int64_t blocks, stride;
  const float* values;
  const float* low;
  const float* high;
};

struct Balls {
  // distance[b - first]: squared, at most that from the center to any point of block b, for blocks
  // from `first`, a multiple of LARGEST_WIDTH, up to `last`; it has room for such a multiple.
  void (*bound)(const Blocks& points, std::int64_t first, std::int64_t last, const float* center,
                float* distance);
  // Adds up the points of the blocks listed that lie within a squared distance of the center, and
  // counts them. sums has room for dimensions * LARGEST_WIDTH values.
  std::int64_t (*sum)(const Blocks& points, const std::int32_t* list, std::int64_t count,
                      const float* center, float limit, float* sums);
  // inside[i] = 1 for those among them, i counting from block 0 on.
  void (*mark)(const Blocks& points, const std::int32_t* list, std::int64_t count,
               const float* center, float limit, std::uint8_t* inside);
  // Lowers best[i] of a block's points to their squared distance from the center, and sets
  // which[i] to `index` where it does.
  void (*nearer)(const Blocks& points, std::int64_t block, const float* center, std::int32_t index,
                 float* best, std::int32_t* which);
};

}  // namespace mtml
