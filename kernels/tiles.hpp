// The inner loops of sparse convolution (tiles.cpp).
#pragma once

#include "convolution.hpp"

namespace mtml {

// The weights' and sums' rows are padded to a multiple of this many values.
constexpr int PADDING = 16;

constexpr int padded(int channels) { return (channels + PADDING - 1) / PADDING * PADDING; }

// Input channels, and elements of the kernel, of a weight gradient that one task takes: a tile's rows
// are read from the caches for all but the first of them.
constexpr int WEIGHT_BLOCK = 32, WEIGHT_ELEMENTS = 5;

template <class T>
struct TileFunctions {
  // One tile of a convolution; weight and sums (TILE, padded(out_channels)) are padded.
  void (*convolve)(const Convolution<T>& job, std::int64_t tile, T* sums);
  // The same of inputs with single entries, whose products are rows of the weights.
  void (*gather)(const Convolution<T>& job, const SingleEntries<T>& x, std::int64_t tile, T* sums);
  // The gradient of the weights of elements from `element`, at most WEIGHT_ELEMENTS, for input
  // channels from `first`, at most WEIGHT_BLOCK; grad's rows are padded.
  // sums: (WEIGHT_ELEMENTS, WEIGHT_BLOCK, padded(out_channels)).
  void (*weight_gradient)(const WeightGradient<T>& job, int element, int first, T* sums);
  // The same of inputs with single entries, all channels. sums: (channels, padded(out_channels)).
  void (*scatter)(const WeightGradient<T>& job, const SingleEntries<T>& x, int element, T* sums);
};

// One instruction set's.
struct Tiles {
  TileFunctions<float> single;
  TileFunctions<double> twice;
};

}  // namespace mtml
