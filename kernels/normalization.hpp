// Batch normalisation in training with what follows it, and its gradients. float and double.
#pragma once

#include <cstdint>

#include "convolution.hpp"

namespace mtml {

// out = relu(gamma * (y - mean) * inverse + beta + residual), mean and 1 / sqrt(variance + epsilon)
// over all rows.
template <class T>
struct Normalization {
  std::int64_t rows = 0;
  int columns = 0;
  T epsilon = 0;
  const T* y = nullptr;
  const T* gamma = nullptr;
  const T* beta = nullptr;
  const T* residual = nullptr;  // may be left out
  T* out = nullptr;
  T* mean = nullptr;
  T* variance = nullptr;  // biased
};

template <class T>
void normalize(const Normalization<T>& job);

// From the gradient of out to those of y, gamma, beta and of the residual.
template <class T>
struct NormalizationGradient {
  std::int64_t rows = 0;
  int columns = 0;
  T epsilon = 0;
  const T* grad = nullptr;
  const T* y = nullptr;
  const T* out = nullptr;
  const T* gamma = nullptr;
  const T* mean = nullptr;
  const T* variance = nullptr;
  T* grad_y = nullptr;
  T* grad_residual = nullptr;  // may be left out
  T* grad_gamma = nullptr;
  T* grad_beta = nullptr;
};

template <class T>
void normalize_backward(const NormalizationGradient<T>& job);

}  // namespace mtml
