// Batch normalisation in training: sums over parts of the rows, added in their order.
#include "normalization.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "thread_pool.hpp"

namespace mtml {
namespace {

constexpr std::int64_t ROWS_A_TASK = 2048;
constexpr std::int64_t ROWS = 16;  // are summed in single precision, their sums in double

// Two sums a column over all rows: add(row, first, second) adds one row's to them.
template <class T, class Add>
std::vector<double> column_sums(std::int64_t rows, int columns, Add add) {
  const auto tasks = (rows + ROWS_A_TASK - 1) / ROWS_A_TASK;
  std::vector<double> parts(tasks * 2 * columns, 0.0);
  parallel(tasks, [&](std::int64_t task) {
    std::vector<T> few(2 * columns);
    double* const sums = parts.data() + task * 2 * columns;
    const auto end = std::min(rows, (task + 1) * ROWS_A_TASK);
    for (auto i = task * ROWS_A_TASK; i < end;) {
      std::fill(few.begin(), few.end(), T(0));
      for (const auto last = std::min(end, i + ROWS); i < last; ++i)
        add(i, few.data(), few.data() + columns);
      for (int c = 0; c < 2 * columns; ++c) sums[c] += few[c];
    }
  });
  std::vector<double> sums(2 * columns, 0.0);
  for (std::int64_t t = 0; t < tasks; ++t)
    for (int c = 0; c < 2 * columns; ++c) sums[c] += parts[t * 2 * columns + c];
  return sums;
}

// Plain loops over the columns of one row, of which no two overlap: the compiler makes vectors of
// them.
template <class T>
void add_moments(int n, const T* __restrict y, const T* __restrict about, T* __restrict sum,
                 T* __restrict square) {
  for (int c = 0; c < n; ++c) {
    const T away = y[c] - about[c];
    sum[c] += away;
    square[c] += away * away;
  }
}

template <class T>
void apply(int n, const T* __restrict y, const T* __restrict scale, const T* __restrict shift,
           const T* __restrict residual, T* __restrict out) {
  for (int c = 0; c < n; ++c) out[c] = y[c] * scale[c] + shift[c];
  if (residual)
    for (int c = 0; c < n; ++c) out[c] += residual[c];
  for (int c = 0; c < n; ++c) out[c] = out[c] > 0 ? out[c] : T(0);
}

// What the ReLU lets through.
template <class T>
void pass(int n, const T* __restrict grad, const T* __restrict out, T* __restrict passed) {
  for (int c = 0; c < n; ++c) {
    const T open = out[c] > 0 ? T(1) : T(0);  // no branch, which nobody could predict
    passed[c] = grad[c] * open;
  }
}

template <class T>
void add_gradients(int n, const T* __restrict passed, const T* __restrict y,
                   const T* __restrict mean, T* __restrict gamma, T* __restrict beta) {
  for (int c = 0; c < n; ++c) {
    gamma[c] += passed[c] * (y[c] - mean[c]);
    beta[c] += passed[c];
  }
}

template <class T>
void apply_gradient(int n, const T* __restrict y, const T* __restrict factor,
                    const T* __restrict slope, const T* __restrict offset, const T* __restrict passed,
                    T* __restrict grad_y) {
  for (int c = 0; c < n; ++c) grad_y[c] = passed[c] * factor[c] + y[c] * slope[c] + offset[c];
}

template <class Each>
void each_row(std::int64_t rows, Each each) {
  parallel((rows + ROWS_A_TASK - 1) / ROWS_A_TASK, [&](std::int64_t task) {
    const auto end = std::min(rows, (task + 1) * ROWS_A_TASK);
    for (auto i = task * ROWS_A_TASK; i < end; ++i) each(i);
  });
}

}  // namespace

template <class T>
void normalize(const Normalization<T>& job) {
  const int n = job.columns;
  const auto rows = static_cast<double>(job.rows);
  // about the first row, so that nothing cancels where a mean is large
  const auto sums = column_sums<T>(job.rows, n, [&](std::int64_t i, T* sum, T* square) {
    add_moments(n, job.y + i * n, job.y, sum, square);
  });
  std::vector<T> scale(n), shift(n);
  for (int c = 0; c < n; ++c) {
    const auto mean = sums[c] / rows;
    const auto variance = std::max(sums[n + c] / rows - mean * mean, 0.0);
    job.mean[c] = static_cast<T>(mean + job.y[c]);
    job.variance[c] = static_cast<T>(variance);
    scale[c] = job.gamma[c] / std::sqrt(job.variance[c] + job.epsilon);
    shift[c] = job.beta[c] - job.mean[c] * scale[c];
  }
  each_row(job.rows, [&](std::int64_t i) {
    const T* residual = job.residual ? job.residual + i * n : nullptr;
    apply(n, job.y + i * n, scale.data(), shift.data(), residual, job.out + i * n);
  });
}

template <class T>
void normalize_backward(const NormalizationGradient<T>& job) {
  const int n = job.columns;
  // where nobody wants the gradient of the residual, what was passed waits in grad_y
  T* const passed = job.grad_residual ? job.grad_residual : job.grad_y;
  const auto sums = column_sums<T>(job.rows, n, [&](std::int64_t i, T* gamma, T* beta) {
    pass(n, job.grad + i * n, job.out + i * n, passed + i * n);
    add_gradients(n, passed + i * n, job.y + i * n, job.mean, gamma, beta);
  });
  // grad_y = gamma * inverse * (passed - grad_beta / rows - normalised y * grad_gamma / rows)
  std::vector<T> factor(n), slope(n), offset(n);
  const auto rows = static_cast<double>(job.rows);
  for (int c = 0; c < n; ++c) {
    const double inverse = 1 / std::sqrt(double(job.variance[c]) + job.epsilon);
    const double scale = job.gamma[c] * inverse, gamma = sums[c] * inverse, beta = sums[n + c];
    const double tilt = -gamma / rows * inverse * scale;
    job.grad_gamma[c] = static_cast<T>(gamma);
    job.grad_beta[c] = static_cast<T>(beta);
    factor[c] = static_cast<T>(scale);
    slope[c] = static_cast<T>(tilt);
    offset[c] = static_cast<T>(-beta / rows * scale - tilt * job.mean[c]);
  }
  parallel((job.rows + ROWS_A_TASK - 1) / ROWS_A_TASK, [&](std::int64_t task) {
    std::vector<T> copy(n);
    const auto end = std::min(job.rows, (task + 1) * ROWS_A_TASK);
    for (auto i = task * ROWS_A_TASK; i < end; ++i) {
      std::copy_n(passed + i * n, n, copy.begin());
      apply_gradient(n, job.y + i * n, factor.data(), slope.data(), offset.data(), copy.data(),
                     job.grad_y + i * n);
    }
  });
}

template void normalize(const Normalization<float>&);
template void normalize(const Normalization<double>&);
template void normalize_backward(const NormalizationGradient<float>&);
template void normalize_backward(const NormalizationGradient<double>&);

}  // namespace mtml
