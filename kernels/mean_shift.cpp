// Mean-shift by peeling, over blocks of points that lie close to each other: a ball touches few.
#include "mean_shift.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "blocked_points.hpp"
#include "instruction_sets.hpp"
#include "thread_pool.hpp"

namespace mtml {
namespace {

struct Climbed {
  std::vector<float> mode;
  std::int64_t weight = 0;           // points in the ball that it was last averaged over
  std::vector<std::int32_t> touched;  // blocks with points that it claims
  std::vector<std::uint8_t> claims;   // of each block touched, its points
};

class Peeling {
 public:
  Peeling(const float* points, std::int64_t count, int dimensions, const BlockedPoints& blocked,
          float bandwidth, const MeanShiftSettings& settings)
      : points_(points), count_(count), dimensions_(dimensions), blocked_(blocked),
        bandwidth_(bandwidth), s_(settings) {}

  // Modes, some several times, densest first (among equals the first found), near ones merged.
  std::vector<float> modes() {
    std::vector<std::int64_t> free(count_);
    std::iota(free.begin(), free.end(), 0);
    std::vector<std::uint8_t> claimed(count_, 0);
    std::vector<Climbed> found;
    for (int round = 0; round < s_.max_rounds; ++round) {
      const auto left = static_cast<std::int64_t>(free.size());
      const auto stride = (left + s_.seeds - 1) / s_.seeds;
      const auto seeds = (left + stride - 1) / stride;
      std::vector<Climbed> climbed(seeds);
      parallel(seeds, [&](std::int64_t i) { climbed[i] = climb(free[i * stride]); });
      for (std::int64_t i = 0; i < seeds; ++i) claimed[free[i * stride]] = 1;
      for (auto& one : climbed) {
        for (std::size_t t = 0; t < one.touched.size(); ++t) {
          const auto block = one.touched[t];
          for (std::int64_t p = 0; p < blocked_.size(block); ++p)
            claimed[blocked_.point(block, p)] |= one.claims[t * BLOCK + p];
        }
        found.push_back({std::move(one.mode), one.weight, {}, {}});
      }
      free.erase(std::remove_if(free.begin(), free.end(), [&](auto p) { return claimed[p]; }),
                 free.end());
      if (static_cast<float>(free.size()) <= s_.fringe * static_cast<float>(count_)) break;
    }
    return merge(found);
  }

 private:
  Climbed climb(std::int64_t seed) const {
    const auto& balls = *instruction_set().balls;
    const auto view = blocked_.view();
    const float limit = bandwidth_ * bandwidth_;
    const float* const start = points_ + seed * dimensions_;
    std::vector<float> center(start, start + dimensions_), moved(dimensions_ * LARGEST_WIDTH);
    std::vector<std::int32_t> list;
    Climbed result;
    for (int step = 0;; ++step) {
      blocked_.touching(center.data(), limit, list);
      const auto size = static_cast<std::int64_t>(list.size());
      result.weight = balls.sum(view, list.data(), size, center.data(), limit, moved.data());
      double length = 0;
      for (int d = 0; d < dimensions_; ++d) {
        moved[d] /= static_cast<float>(std::max<std::int64_t>(result.weight, 1));
        length += (double(moved[d]) - center[d]) * (double(moved[d]) - center[d]);
      }
      if (std::sqrt(length) <= s_.tolerance * bandwidth_ || step + 1 == s_.max_steps) break;
      std::copy_n(moved.begin(), dimensions_, center.begin());
    }
    // the ball that the mode is the mean of, and what lies close to where the seed began
    const float basin = s_.basin * bandwidth_ * s_.basin * bandwidth_;
    std::vector<std::uint8_t> inside(blocked_.blocks() * BLOCK, 0);
    std::vector<std::int32_t> ball, around;
    blocked_.touching(center.data(), limit, ball);
    blocked_.touching(start, basin, around);
    balls.mark(view, ball.data(), std::int64_t(ball.size()), center.data(), limit, inside.data());
    balls.mark(view, around.data(), std::int64_t(around.size()), start, basin, inside.data());
    std::set_union(ball.begin(), ball.end(), around.begin(), around.end(),
                   std::back_inserter(result.touched));
    for (const auto b : result.touched)
      result.claims.insert(result.claims.end(), inside.begin() + std::int64_t(b) * BLOCK,
                           inside.begin() + (std::int64_t(b) + 1) * BLOCK);
    moved.resize(dimensions_);
    result.mode = std::move(moved);
    return result;
  }

  // Modes nearer than a bandwidth to a denser one are that one's.
  std::vector<float> merge(const std::vector<Climbed>& found) const {
    std::vector<std::size_t> order(found.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return found[a].weight > found[b].weight;
    });
    std::vector<float> kept;
    for (const auto i : order) {
      const auto& mode = found[i].mode;
      bool apart = true;
      for (std::size_t k = 0; apart && k < kept.size(); k += dimensions_) {
        float squared = 0;
        for (int d = 0; d < dimensions_; ++d)
          squared += (kept[k + d] - mode[d]) * (kept[k + d] - mode[d]);
        apart = !(squared < bandwidth_ * bandwidth_);
      }
      if (apart) kept.insert(kept.end(), mode.begin(), mode.end());
    }
    return kept;
  }

  const float* points_;
  std::int64_t count_;
  int dimensions_;
  const BlockedPoints& blocked_;
  float bandwidth_;
  const MeanShiftSettings& s_;
};

// The nearest mode of each point, the first among equals. A block measures the modes alone that may
// be nearest to one of its points.
std::vector<std::int64_t> nearest(const BlockedPoints& blocked, std::int64_t count,
                                  const std::vector<float>& modes) {
  const auto view = blocked.view();
  const auto& balls = *instruction_set().balls;
  const int dimensions = view.dimensions;
  const auto size = static_cast<std::int64_t>(modes.size()) / dimensions;
  std::vector<std::int64_t> result(count);
  parallel(blocked.blocks(), [&](std::int64_t block) {
    std::vector<float> least(size);
    float reach = std::numeric_limits<float>::infinity();  // no nearest mode is farther
    for (std::int64_t m = 0; m < size; ++m) {
      float near = 0, far = 0;
      for (int d = 0; d < dimensions; ++d) {
        const float low = view.low[d * view.stride + block], high = view.high[d * view.stride + block];
        const float c = modes[m * dimensions + d];
        const float gap = std::max({low - c, c - high, 0.0f});
        const float most = std::max(std::abs(c - low), std::abs(c - high));
        near += gap * gap;
        far += most * most;
      }
      least[m] = near;
      reach = std::min(reach, far);
    }
    float best[BLOCK];
    std::int32_t which[BLOCK];
    std::fill(best, best + BLOCK, std::numeric_limits<float>::infinity());
    std::fill(which, which + BLOCK, 0);
    for (std::int64_t m = 0; m < size; ++m)
      if (least[m] <= reach * 1.0001f)
        balls.nearer(view, block, &modes[m * dimensions], static_cast<std::int32_t>(m), best, which);
    for (std::int64_t i = 0; i < blocked.size(block); ++i) result[blocked.point(block, i)] = which[i];
  });
  return result;
}

}  // namespace

std::vector<Clusters> mean_shift(const float* points, std::int64_t count, int dimensions,
                                 const std::vector<float>& bandwidths,
                                 const MeanShiftSettings& settings) {
  const auto stride = (count + settings.sample - 1) / settings.sample;
  std::vector<float> sampled;
  for (std::int64_t i = 0; i < count; i += stride)
    sampled.insert(sampled.end(), points + i * dimensions, points + (i + 1) * dimensions);
  const auto samples = static_cast<std::int64_t>(sampled.size()) / dimensions;
  const BlockedPoints few(sampled.data(), samples, dimensions), all(points, count, dimensions);
  std::vector<Clusters> results;
  for (const auto bandwidth : bandwidths) {
    Peeling peeling(sampled.data(), samples, dimensions, few, bandwidth, settings);
    auto modes = peeling.modes();
    auto cluster = nearest(all, count, modes);
    results.push_back({std::move(cluster), std::move(modes)});
  }
  return results;
}

}  // namespace mtml
