// Points in blocks that lie close to each other, so that a ball touches few of them.
#pragma once

#include <cstdint>
#include <vector>

#include "balls.hpp"

namespace mtml {

// Points halved along their widest dimension until BLOCK of them are left.
class BlockedPoints {
 public:
  // points: (count, dimensions).
  BlockedPoints(const float* points, std::int64_t count, int dimensions);

  Blocks view() const { return {dimensions_, blocks_, stride_, values_.data(), low_.data(), high_.data()}; }
  std::int64_t blocks() const { return blocks_; }
  std::int64_t size(std::int64_t block) const { return starts_[block + 1] - starts_[block]; }
  // The point, as it was given, that is i-th of a block.
  std::int64_t point(std::int64_t block, std::int64_t i) const { return order_[starts_[block] + i]; }
  // Where a point is: block * BLOCK + i.
  std::int64_t slot(std::int64_t point) const { return slots_[point]; }
  // The blocks, ascending, that may have points within a squared distance of the center.
  void touching(const float* center, float limit, std::vector<std::int32_t>& list) const;

 private:
  void split(const float* points, std::int64_t first, std::int64_t last);

  std::vector<std::int64_t> order_, starts_, slots_;
  int dimensions_;
  std::int64_t blocks_ = 0, stride_ = 0;
  std::vector<float> values_, low_, high_;
  std::vector<float> group_low_, group_high_;  // (groups, dimensions), GROUP blocks each
};

}  // namespace mtml
