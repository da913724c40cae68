// What changes across the borders of masks: one pass over the voxels and their neighbours.
#include "borders.hpp"

#include <algorithm>
#include <cmath>

#include "thread_pool.hpp"

namespace mtml {
namespace {

// Each task has sums of its own, added in their order: the same whoever does what.
constexpr std::int64_t VOXELS_A_TASK = 4096, MOST_TASKS = 16;

float distance(const float* a, const float* b, int columns) {
  float squared = 0;
  for (int c = 0; c < columns; ++c) squared += (a[c] - b[c]) * (a[c] - b[c]);
  return std::sqrt(squared);
}

float product(const float* a, const float* b, int columns) {
  float sum = 0;
  for (int c = 0; c < columns; ++c) sum += a[c] * b[c];
  return sum;
}

const float* row(const Rows<const float>& rows, std::int64_t i) {
  return rows.data + i * rows.stride;
}

class Summing {
 public:
  Summing(const Masks& masks, const MasksOfVoxels& of, const Neighbors& neighbors,
          const VoxelValues& values, float far)
      : of_(of), neighbors_(neighbors), v_(values), far_(far), crossing_(crossing_columns(values)) {
    sums.within.assign(masks.count * 2, 0.0);
    sums.crossing.assign(masks.count * crossing_, 0.0);
  }

  void add(std::int64_t voxel) {
    const auto *mine = begin(voxel), *mine_end = begin(voxel + 1);
    for (auto i = neighbors_.starts[voxel]; i < neighbors_.starts[voxel + 1]; ++i) {
      const std::int64_t other = neighbors_.index[i];
      if (other < voxel) continue;  // each pair is met from both of its ends
      const auto *theirs = begin(other), *theirs_end = begin(other + 1);
      if (std::equal(mine, mine_end, theirs, theirs_end)) {
        if (mine != mine_end) add_within(mine, mine_end, jump(voxel, other));
      } else {
        add_pair(voxel, other);
      }
    }
  }

  Borders sums;

 private:
  const std::int32_t* begin(std::int64_t voxel) const { return of_.mask.data() + of_.starts[voxel]; }

  float jump(std::int64_t a, std::int64_t b) const {
    return std::min(far_, distance(row(v_.embedding, a), row(v_.embedding, b), v_.dimensions));
  }

  void add_within(const std::int32_t* mask, const std::int32_t* end, float jump) {
    for (; mask < end; ++mask) {
      sums.within[2 * *mask] += 1;
      sums.within[2 * *mask + 1] += jump;
    }
  }

  void add_pair(std::int64_t a, std::int64_t b) {
    const auto leap = jump(a, b);
    const bool inside = v_.candidate[a] && v_.candidate[b];
    const bool same = inside && v_.component[a] == v_.component[b];
    float values[10] = {1.0f, float(inside), float(same), leap * inside, leap * same,
                        float(inside && leap > 1)};
    int n = 6;
    const auto note = [&](float value) {
      values[n++] = value * inside;
      values[n++] = value * same;
    };
    if (v_.deep.data)
      note(inside ? distance(row(v_.deep, a), row(v_.deep, b), v_.features) : 0);
    if (v_.probability.data)
      note(inside ? product(row(v_.probability, a), row(v_.probability, b), v_.classes) : 0);
    // both lists ascend
    const auto *x = begin(a), *x_end = begin(a + 1), *y = begin(b), *y_end = begin(b + 1);
    while (x < x_end || y < y_end) {
      if (x < x_end && y < y_end && *x == *y) {
        add_within(x, x + 1, leap);
        ++x;
        ++y;
        continue;
      }
      const auto mask = y == y_end || (x < x_end && *x < *y) ? *x++ : *y++;
      double* to = sums.crossing.data() + std::int64_t(mask) * crossing_;
      for (int i = 0; i < crossing_; ++i) to[i] += values[i];
    }
  }

  const MasksOfVoxels& of_;
  const Neighbors& neighbors_;
  const VoxelValues& v_;
  float far_;
  int crossing_;
};

void add_to(std::vector<double>& sums, const std::vector<double>& more) {
  for (std::size_t i = 0; i < sums.size(); ++i) sums[i] += more[i];
}

}  // namespace

Borders borders(const Masks& masks, const Neighbors& neighbors, const VoxelValues& values,
                float far) {
  const auto voxels = neighbors.voxels();
  const MasksOfVoxels of(masks, voxels);
  const auto step = std::max(VOXELS_A_TASK, (voxels + MOST_TASKS - 1) / MOST_TASKS);
  const auto tasks = std::max<std::int64_t>(1, (voxels + step - 1) / step);
  std::vector<Summing> parts(tasks, Summing(masks, of, neighbors, values, far));
  parallel(tasks, [&](std::int64_t task) {
    const auto last = std::min(voxels, (task + 1) * step);
    for (auto v = task * step; v < last; ++v) parts[task].add(v);
  });
  auto result = std::move(parts[0].sums);
  for (std::int64_t t = 1; t < tasks; ++t) {
    add_to(result.within, parts[t].sums.within);
    add_to(result.crossing, parts[t].sums.crossing);
  }
  return result;
}

}  // namespace mtml
