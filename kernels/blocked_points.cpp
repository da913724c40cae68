// Points in blocks that lie close to each other, so that a ball touches few of them.
#include "blocked_points.hpp"

#include <algorithm>
#include <numeric>

#include "instruction_sets.hpp"

namespace mtml {
namespace {

constexpr float FAR = 1e30f;
constexpr float SLACK = 1.0001f;  // bounds are rounded otherwise than distances
constexpr std::int64_t GROUP = 64;  // blocks, one after another in the halving, bounded together

}  // namespace

BlockedPoints::BlockedPoints(const float* points, std::int64_t count, int dimensions)
    : order_(count), slots_(count), dimensions_(dimensions) {
  std::iota(order_.begin(), order_.end(), 0);
  split(points, 0, count);
  blocks_ = static_cast<std::int64_t>(starts_.size());
  starts_.push_back(count);
  values_.assign(blocks_ * dimensions * BLOCK, FAR);
  stride_ = (blocks_ + LARGEST_WIDTH - 1) / LARGEST_WIDTH * LARGEST_WIDTH;
  low_.assign(dimensions * stride_, FAR);
  high_.assign(dimensions * stride_, FAR);
  for (std::int64_t b = 0; b < blocks_; ++b) {
    for (auto i = starts_[b]; i < starts_[b + 1]; ++i)
      slots_[order_[i]] = b * BLOCK + i - starts_[b];
    for (int d = 0; d < dimensions; ++d) {
      float low = FAR, high = -FAR;
      for (auto i = starts_[b]; i < starts_[b + 1]; ++i) {
        const float value = points[order_[i] * dimensions + d];
        values_[(b * dimensions + d) * BLOCK + i - starts_[b]] = value;
        low = std::min(low, value);
        high = std::max(high, value);
      }
      low_[d * stride_ + b] = low;
      high_[d * stride_ + b] = high;
    }
  }
  const auto groups = (blocks_ + GROUP - 1) / GROUP;
  group_low_.assign(groups * dimensions, FAR);
  group_high_.assign(groups * dimensions, -FAR);
  for (std::int64_t b = 0; b < blocks_; ++b)
    for (int d = 0; d < dimensions; ++d) {
      auto& low = group_low_[b / GROUP * dimensions + d];
      auto& high = group_high_[b / GROUP * dimensions + d];
      low = std::min(low, low_[d * stride_ + b]);
      high = std::max(high, high_[d * stride_ + b]);
    }
}

void BlockedPoints::split(const float* points, std::int64_t first, std::int64_t last) {
  if (last - first <= BLOCK) {
    starts_.push_back(first);
    return;
  }
  int widest = 0;
  float width = -1;
  for (int d = 0; d < dimensions_; ++d) {
    float low = FAR, high = -FAR;
    for (auto i = first; i < last; ++i) {
      const float value = points[order_[i] * dimensions_ + d];
      low = std::min(low, value);
      high = std::max(high, value);
    }
    if (high - low > width) {
      width = high - low;
      widest = d;
    }
  }
  // a multiple of BLOCK on the left, so that few blocks are not full
  const auto half = (last - first + BLOCK) / (2 * BLOCK) * BLOCK;
  const auto middle = first + std::max<std::int64_t>(half, BLOCK);
  std::nth_element(order_.begin() + first, order_.begin() + middle, order_.begin() + last,
                   [&](std::int64_t a, std::int64_t b) {
                     const float x = points[a * dimensions_ + widest];
                     const float y = points[b * dimensions_ + widest];
                     return x != y ? x < y : a < b;
                   });
  split(points, first, middle);
  split(points, middle, last);
}

void BlockedPoints::touching(const float* center, float limit,
                             std::vector<std::int32_t>& list) const {
  float distance[GROUP];
  list.resize(blocks_);
  std::int64_t found = 0;
  const auto& balls = *instruction_set().balls;
  const auto groups = (blocks_ + GROUP - 1) / GROUP;
  for (std::int64_t g = 0; g < groups; ++g) {
    float squared = 0;
    for (int d = 0; d < dimensions_; ++d) {
      const float under = group_low_[g * dimensions_ + d] - center[d];
      const float over = center[d] - group_high_[g * dimensions_ + d];
      const float gap = std::max({under, over, 0.0f});
      squared += gap * gap;
    }
    if (squared > limit * SLACK) continue;
    const auto first = g * GROUP, last = std::min(blocks_, first + GROUP);
    balls.bound(view(), first, last, center, distance);
    for (auto b = first; b < last; ++b) {
      list[found] = static_cast<std::int32_t>(b);
      found += distance[b - first] <= limit * SLACK;
    }
  }
  list.resize(found);
}

}  // namespace mtml
