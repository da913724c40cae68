// Mean-shift by peeling, over blocks of points that lie close to each other: a ball touches few.
#include "mean_shift.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

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

// The peeling at one bandwidth, round after round, so that those of several can be taken together.
class Peeling {
 public:
  Peeling(const float* points, std::int64_t count, int dimensions, const BlockedPoints& blocked,
          float bandwidth, const MeanShiftSettings& settings)
      : points_(points), count_(count), dimensions_(dimensions), blocked_(blocked),
        bandwidth_(bandwidth), s_(settings), free_(count),
        claimed_(blocked.blocks() * BLOCK, 0) {
    std::iota(free_.begin(), free_.end(), 0);
    choose_seeds();
  }

  // Seeds of the round to come; none: all modes are found.
  std::int64_t seeds() const { return static_cast<std::int64_t>(climbed_.size()); }

  void climb(std::int64_t i) { climbed_[i] = climbed_from(free_[i * stride_]); }

  // Ends a round whose seeds have all climbed: what they claim is free no longer.
  void claim() {
    for (std::int64_t i = 0; i < seeds(); ++i) {
      claimed_[blocked_.slot(free_[i * stride_])] = 1;
      auto& one = climbed_[i];
      for (std::size_t t = 0; t < one.touched.size(); ++t) {
        std::uint8_t* to = claimed_.data() + std::int64_t(one.touched[t]) * BLOCK;
        for (int p = 0; p < BLOCK; ++p) to[p] |= one.claims[t * BLOCK + p];
      }
      found_.push_back({std::move(one.mode), one.weight, {}, {}});
    }
    free_.erase(std::remove_if(free_.begin(), free_.end(),
                               [&](auto p) { return claimed_[blocked_.slot(p)]; }),
                free_.end());
    ++rounds_;
    choose_seeds();
  }

  // Modes, the densest first (among equals the first found); those nearer than a bandwidth to a
  // denser one are that one's.
  std::vector<float> modes() const {
    std::vector<std::size_t> order(found_.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return found_[a].weight > found_[b].weight;
    });
    std::vector<float> kept;
    for (const auto i : order) {
      const auto& mode = found_[i].mode;
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

 private:
  void choose_seeds() {
    const auto left = static_cast<std::int64_t>(free_.size());
    const bool ends = rounds_ == s_.max_rounds ||
                      (rounds_ > 0 && static_cast<float>(left) <= s_.fringe * static_cast<float>(count_));
    stride_ = std::max<std::int64_t>((left + s_.seeds - 1) / s_.seeds, 1);
    climbed_.clear();
    climbed_.resize(ends ? 0 : (left + stride_ - 1) / stride_);
  }

  Climbed climbed_from(std::int64_t seed) const {
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

  const float* points_;
  std::int64_t count_;
  int dimensions_;
  const BlockedPoints& blocked_;
  float bandwidth_;
  const MeanShiftSettings& s_;
  std::vector<std::int64_t> free_;     // points that no mode has claimed, ascending
  std::vector<std::uint8_t> claimed_;  // by slot
  std::int64_t stride_ = 1;
  int rounds_ = 0;
  std::vector<Climbed> climbed_;  // of this round
  std::vector<Climbed> found_;    // modes and weights of all rounds
};

// All modes at each bandwidth. Their rounds are taken together: few waits, and work for many cores.
std::vector<std::vector<float>> peel(std::vector<Peeling>& peelings) {
  const auto count = static_cast<std::int64_t>(peelings.size());
  std::vector<std::pair<Peeling*, std::int64_t>> climbs;
  for (;;) {
    climbs.clear();
    for (auto& peeling : peelings)
      for (std::int64_t i = 0; i < peeling.seeds(); ++i) climbs.emplace_back(&peeling, i);
    if (climbs.empty()) break;
    parallel(climbs.size(), [&](std::int64_t i) { climbs[i].first->climb(climbs[i].second); });
    for (auto& peeling : peelings)
      if (peeling.seeds()) peeling.claim();
  }
  std::vector<std::vector<float>> modes(count);
  parallel(count, [&](std::int64_t i) { modes[i] = peelings[i].modes(); });
  return modes;
}

// Sets the nearest mode of each of a block's points, the first among equals. It measures the modes
// alone that may be nearest to one of them.
void set_nearest(const BlockedPoints& blocked, std::int64_t block, const std::vector<float>& modes,
                 std::int64_t* result) {
  const auto view = blocked.view();
  const auto& balls = *instruction_set().balls;
  const int dimensions = view.dimensions;
  const auto size = static_cast<std::int64_t>(modes.size()) / dimensions;
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
  std::unique_ptr<BlockedPoints> all, thinned;
  parallel(stride > 1 ? 2 : 1, [&](std::int64_t i) {
    (i ? thinned : all) =
        std::make_unique<BlockedPoints>(i ? sampled.data() : points, i ? samples : count, dimensions);
  });
  const BlockedPoints& few = thinned ? *thinned : *all;
  std::vector<Peeling> peelings;
  for (const auto bandwidth : bandwidths)
    peelings.emplace_back(sampled.data(), samples, dimensions, few, bandwidth, settings);
  auto modes = peel(peelings);
  std::vector<Clusters> results;
  for (auto& of_bandwidth : modes)
    results.push_back({std::vector<std::int64_t>(count), std::move(of_bandwidth)});
  parallel(all->blocks(), [&](std::int64_t block) {
    for (auto& one : results) set_nearest(*all, block, one.modes, one.cluster.data());
  });
  return results;
}

}  // namespace mtml
