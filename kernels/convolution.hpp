// Sparse convolution over the tiles of a map, and its gradients. float and double.
#pragma once

#include <cstdint>

namespace mtml {

constexpr std::int64_t TILE = 64;  // output voxels whose sums stay in the first-level cache

// The pairs (output, input) of tile after tile, and within a tile of element after element of the
// kernel: those of tile t and element k are at starts[t * elements + k] up to the next start.
struct Pairs {
  int elements = 1;
  const std::int64_t* starts = nullptr;  // none: each voxel feeds itself (a 1^3 convolution)
  const std::uint8_t* output = nullptr;  // less the tile's first
  const std::int32_t* input = nullptr;
};

// A matrix whose rows are `stride` values apart.
template <class T>
struct Rows {
  T* data = nullptr;
  std::int64_t stride = 0;
};

// Rows of which each has one value other than zero at most, as labels have: which, and the value.
template <class T>
struct SingleEntries {
  const std::int32_t* channel = nullptr;
  const T* value = nullptr;
};

// y_o = relu(scale * sum over elements k and pairs (o, i) of k: x_i W_k, + shift + residual_o)
template <class T>
struct Convolution {
  Pairs map;
  std::int64_t inputs = 0, outputs = 0;
  int channels = 0, out_channels = 0;
  Rows<const T> x;
  const T* weight = nullptr;  // (elements, channels, out_channels)
  Rows<T> y;
  // the rest may be left out
  const T* scale = nullptr;
  const T* shift = nullptr;
  Rows<const T> residual;
  bool relu = false;
};

template <class T>
void convolve(const Convolution<T>& convolution);

// gradient (elements, channels, out_channels) = sum over pairs (o, i) of each element: x_i^T g_o
template <class T>
struct WeightGradient {
  Pairs map;
  std::int64_t inputs = 0, outputs = 0;
  int channels = 0, out_channels = 0;
  Rows<const T> x;
  Rows<const T> grad;
  T* gradient = nullptr;
};

template <class T>
void weight_gradient(const WeightGradient<T>& job);

}  // namespace mtml
