// What is summed, counted and measured over the voxels of each mask, a mask a task.
#include "mask_sums.hpp"

#include <algorithm>
#include <cmath>

#include "thread_pool.hpp"

namespace mtml {
namespace {

constexpr std::int64_t ROWS = 16;  // are summed in single precision, their sums in double

void add_rows(const std::int64_t* voxel, std::int64_t count, Rows<const float> values, int columns,
              float* few, double* sums) {
  for (std::int64_t first = 0; first < count; first += ROWS) {
    const auto last = std::min(count, first + ROWS);
    std::fill_n(few, columns, 0.0f);
    for (auto i = first; i < last; ++i) {
      const float* row = values.data + voxel[i] * values.stride;
      for (int c = 0; c < columns; ++c) few[c] += row[c];
    }
    for (int c = 0; c < columns; ++c) sums[c] += few[c];
  }
}

}  // namespace

std::vector<double> sums_of_rows(const Masks& masks, Rows<const float> values, int columns) {
  std::vector<double> result(masks.count * columns, 0.0);
  parallel(masks.count, [&](std::int64_t p) {
    thread_local std::vector<float> few;
    few.resize(columns);
    add_rows(masks.voxel + masks.starts[p], masks.size(p), values, columns, few.data(),
        result.data() + p * columns);
  });
  return result;
}

std::vector<double> histogram(const Masks& masks, const std::int64_t* bin, int bins,
                              const float* weights) {
  std::vector<double> result(masks.count * bins, 0.0);
  parallel(masks.count, [&](std::int64_t p) {
    for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i) {
      const auto v = masks.voxel[i];
      if (bin[v] >= 0) result[p * bins + bin[v]] += weights ? weights[v] : 1.0;
    }
  });
  return result;
}

std::vector<double> spread(const Masks& masks, Rows<const float> values, int columns,
                           const double* centers, const std::vector<double>& radii) {
  const auto number = static_cast<std::int64_t>(radii.size());
  std::vector<double> result(masks.count * (columns + number), 0.0);
  parallel(masks.count, [&](std::int64_t p) {
    const double* center = centers + p * columns;
    double* const squares = result.data() + p * (columns + number);
    double* const within = squares + columns;
    for (auto i = masks.starts[p]; i < masks.starts[p + 1]; ++i) {
      const float* row = values.data + masks.voxel[i] * values.stride;
      double squared = 0;
      for (int c = 0; c < columns; ++c) {
        const auto square = (row[c] - center[c]) * (row[c] - center[c]);
        squares[c] += square;
        squared += square;
      }
      const auto distance = std::sqrt(squared);
      for (std::int64_t r = 0; r < number; ++r) within[r] += distance <= radii[r];
    }
  });
  return result;
}

MainBins main_bins(const Masks& masks, const std::int64_t* bin, std::int64_t bins) {
  MainBins result{std::vector<std::int64_t>(masks.count, 0),
                  std::vector<std::int64_t>(masks.count, 0)};
  std::vector<std::int64_t> count(bins, 0);
  for (std::int64_t p = 0; p < masks.count; ++p) {
    const auto *first = masks.voxel + masks.starts[p], *last = first + masks.size(p);
    for (auto v = first; v < last; ++v)
      if (bin[*v] >= 0) ++count[bin[*v]];
    auto &best = result.bin[p], &most = result.count[p];
    for (auto v = first; v < last; ++v) {
      const auto b = bin[*v];
      if (b >= 0 && (count[b] > most || (count[b] == most && b < best))) {
        best = b;
        most = count[b];
      }
    }
    for (auto v = first; v < last; ++v)
      if (bin[*v] >= 0) count[bin[*v]] = 0;
  }
  return result;
}

std::vector<double> shapes(const Masks& masks, const float* xyz, const float* direction, int slices,
                           float voxel_size) {
  const int columns = EXTENTS + slices;
  std::vector<double> result(masks.count * columns, 0.0);
  parallel(masks.count, [&](std::int64_t p) {
    const auto *first = masks.voxel + masks.starts[p], *last = first + masks.size(p);
    const auto size = static_cast<double>(masks.size(p));
    double middle[3] = {};
    for (auto v = first; v < last; ++v)
      for (int d = 0; d < 3; ++d) middle[d] += xyz[3 * *v + d];
    for (double& m : middle) m /= size;
    double xx = 0, yy = 0, xy = 0, coherency = 0;
    float low = xyz[3 * *first + 2], high = low;
    for (auto v = first; v < last; ++v) {
      double away[3], squared = 0, along = 0;
      for (int d = 0; d < 3; ++d) {
        away[d] = xyz[3 * *v + d] - middle[d];
        squared += away[d] * away[d];
        along -= away[d] * direction[3 * *v + d];
      }
      xx += away[0] * away[0];
      yy += away[1] * away[1];
      xy += away[0] * away[1];
      const auto length = std::sqrt(squared);
      coherency += length > 1e-3 ? along / length : 1.0;  // a voxel at the centre agrees with it
      low = std::min(low, xyz[3 * *v + 2]);
      high = std::max(high, xyz[3 * *v + 2]);
    }
    const auto turn = 0.5 * std::atan2(2 * xy / size, xx / size - yy / size);
    const auto cos = std::cos(turn), sin = std::sin(turn);
    double range[2][2] = {{1e300, -1e300}, {1e300, -1e300}};
    double* const mine = result.data() + p * columns;
    const float tall = high - low + voxel_size;
    for (auto v = first; v < last; ++v) {
      const auto x = xyz[3 * *v] - middle[0], y = xyz[3 * *v + 1] - middle[1];
      const double turned[2] = {x * cos + y * sin, y * cos - x * sin};
      for (int d = 0; d < 2; ++d) {
        range[d][0] = std::min(range[d][0], turned[d]);
        range[d][1] = std::max(range[d][1], turned[d]);
      }
      const auto slice = static_cast<int>((xyz[3 * *v + 2] - low) / tall * slices);
      mine[EXTENTS + std::min(slice, slices - 1)] += 1;
    }
    mine[0] = range[0][1] - range[0][0];
    mine[1] = range[1][1] - range[1][0];
    mine[2] = high - low;
    mine[3] = low;
    mine[4] = middle[2];
    mine[5] = coherency / size;
  });
  return result;
}

}  // namespace mtml
