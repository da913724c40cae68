// The inner loops of mean-shift, compiled once for each instruction set.
#include "balls.hpp"

#include "vector.hpp"

namespace mtml {
namespace {

using Floats = Vector<float>;
constexpr int WIDTH = LANES<float>;
constexpr int PARTS = BLOCK / WIDTH;

void bound(const Blocks& points, std::int64_t first, std::int64_t last, const float* center,
           float* distance) {
  for (std::int64_t b = first; b < last; b += WIDTH) {
    Floats squared{};
    for (int d = 0; d < points.dimensions; ++d) {
      const Floats under = load(points.low + d * points.stride + b) - center[d];
      const Floats over = center[d] - load(points.high + d * points.stride + b);
      const Floats gap = under > over ? under : over;
      squared += gap > 0 ? gap * gap : Floats{};
    }
    store(distance + b - first, squared);
  }
}

// Squared distances of a block's points from the center.
inline void measure(const Blocks& points, std::int64_t block, const float* center, Floats* squared) {
  const float* values = points.values + block * points.dimensions * BLOCK;
  for (int p = 0; p < PARTS; ++p) squared[p] = Floats{};
  for (int d = 0; d < points.dimensions; ++d, values += BLOCK)
    for (int p = 0; p < PARTS; ++p) {
      const Floats gap = load(values + p * WIDTH) - center[d];
      squared[p] += gap * gap;
    }
}

std::int64_t sum(const Blocks& points, const std::int32_t* list, std::int64_t count,
                 const float* center, float limit, float* sums) {
  const int dimensions = points.dimensions;
  __builtin_memset(sums, 0, sizeof(float) * WIDTH * dimensions);
  auto total = Vector<std::int32_t>{};
  for (std::int64_t i = 0; i < count; ++i) {
    Floats squared[PARTS];
    measure(points, list[i], center, squared);
    auto here = Vector<std::int32_t>{};
    for (int p = 0; p < PARTS; ++p) here -= squared[p] <= limit;
    std::int32_t any = 0;
    for (int l = 0; l < WIDTH; ++l) any |= here[l];
    if (!any) continue;  // the block's bounds touch the ball, none of its points does
    total += here;
    const float* values = points.values + std::int64_t(list[i]) * dimensions * BLOCK;
    for (int d = 0; d < dimensions; ++d, values += BLOCK) {
      Floats part = load(sums + d * WIDTH);
      for (int p = 0; p < PARTS; ++p)
        part += squared[p] <= limit ? load(values + p * WIDTH) : Floats{};
      store(sums + d * WIDTH, part);
    }
  }
  std::int64_t found = 0;
  for (int l = 0; l < WIDTH; ++l) found += total[l];
  for (int d = 0; d < dimensions; ++d) {
    float across = 0;
    for (int l = 0; l < WIDTH; ++l) across += sums[d * WIDTH + l];
    sums[d] = across;
  }
  return found;
}

void mark(const Blocks& points, const std::int32_t* list, std::int64_t count, const float* center,
          float limit, std::uint8_t* inside) {
  for (std::int64_t i = 0; i < count; ++i) {
    Floats squared[PARTS];
    measure(points, list[i], center, squared);
    float flat[BLOCK];
    for (int p = 0; p < PARTS; ++p) store(flat + p * WIDTH, squared[p]);
    std::uint8_t* to = inside + std::int64_t(list[i]) * BLOCK;
    for (int p = 0; p < BLOCK; ++p) to[p] |= flat[p] <= limit;
  }
}

void nearer(const Blocks& points, std::int64_t block, const float* center, std::int32_t index,
            float* best, std::int32_t* which) {
  Floats squared[PARTS];
  measure(points, block, center, squared);
  for (int p = 0; p < PARTS; ++p) {
    const Floats before = load(best + p * WIDTH);
    const auto less = squared[p] < before;
    store(best + p * WIDTH, less ? squared[p] : before);
    Vector<std::int32_t> chosen = load(which + p * WIDTH);
    chosen = less ? chosen * 0 + index : chosen;
    store(which + p * WIDTH, chosen);
  }
}

}  // namespace

namespace MTML_SET {
extern const Balls balls;
const Balls balls = {bound, sum, mark, nearer};
}  // namespace MTML_SET

}  // namespace mtml
