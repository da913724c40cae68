// The inner loops of sparse convolution, compiled once for each instruction set.
#include "tiles.hpp"

#include "vector.hpp"

namespace mtml {
namespace {

// sums[r] += rows[r] W over N vectors of columns: R * N sums stay in registers.
template <class T, int R, int N>
inline void multiply_columns(const T* const* rows, const T* weight, int channels, int width,
                             T* const* sums, int column) {
  Vector<T> sum[R][N];
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) sum[r][n] = load(sums[r] + column + n * LANES<T>);
  const T* w = weight + column;
  for (int c = 0; c < channels; ++c, w += width) {
    Vector<T> b[N];
    for (int n = 0; n < N; ++n) b[n] = load(w + n * LANES<T>);
    for (int r = 0; r < R; ++r)
      for (int n = 0; n < N; ++n) sum[r][n] += rows[r][c] * b[n];
  }
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) store(sums[r] + column + n * LANES<T>, sum[r][n]);
}

// The same over all columns, N vectors at a time. Sixteen registers hold at most twelve sums.
template <class T, int R, int N>
inline void multiply(const T* const* rows, const T* weight, int channels, int width,
                     T* const* sums) {
  int column = 0;
  for (; column + N * LANES<T> <= width; column += N * LANES<T>)
    multiply_columns<T, R, N>(rows, weight, channels, width, sums, column);
  if (N > 2 && column + 2 * LANES<T> <= width) {
    multiply_columns<T, R, 2>(rows, weight, channels, width, sums, column);
    column += 2 * LANES<T>;
  }
  for (; column < width; column += LANES<T>)
    multiply_columns<T, R, 1>(rows, weight, channels, width, sums, column);
}

template <class T>
void multiply_rest(int count, const T* const* rows, const T* weight, int channels, int width,
                   T* const* sums) {
  switch (count) {
    case 1: return multiply<T, 1, 4>(rows, weight, channels, width, sums);
    case 2: return multiply<T, 2, 4>(rows, weight, channels, width, sums);
    case 3: return multiply<T, 3, 4>(rows, weight, channels, width, sums);
    case 4: return multiply<T, 4, 2>(rows, weight, channels, width, sums);
    case 5: return multiply<T, 5, 2>(rows, weight, channels, width, sums);
    default: return;
  }
}

template <class T>
void finish(const Convolution<T>& job, std::int64_t first, std::int64_t count, const T* sums) {
  const int width = padded(job.out_channels), n = job.out_channels;
  for (std::int64_t v = 0; v < count; ++v) {
    const T* sum = sums + v * width;
    T* y = job.y.data + (first + v) * job.y.stride;
    const T* residual = job.residual.data ? job.residual.data + (first + v) * job.residual.stride
                                          : nullptr;
    for (int c = 0; c < n; ++c) {
      T value = sum[c];
      if (job.scale) value *= job.scale[c];
      if (job.shift) value += job.shift[c];
      if (residual) value += residual[c];
      if (job.relu) value = value > 0 ? value : 0;
      y[c] = value;
    }
  }
}

template <class T>
void convolve_tile(const Convolution<T>& job, std::int64_t tile, T* sums) {
  constexpr int R = 6;
  const int width = padded(job.out_channels);
  const std::int64_t first = tile * TILE;
  const std::int64_t count = job.outputs - first < TILE ? job.outputs - first : TILE;
  __builtin_memset(sums, 0, count * width * sizeof(T));
  const int elements = job.map.elements;
  const std::int64_t* starts = job.map.starts ? job.map.starts + tile * elements : nullptr;
  for (int k = 0; k < elements; ++k) {
    const std::int64_t pairs = starts ? starts[k + 1] - starts[k] : count;
    const std::uint8_t* output = starts ? job.map.output + starts[k] : nullptr;
    const std::int32_t* input = starts ? job.map.input + starts[k] : nullptr;
    const T* weight = job.weight + std::int64_t(k) * job.channels * width;
    for (std::int64_t p = 0; p < pairs; p += R) {
      const int group = pairs - p < R ? int(pairs - p) : R;
      const T* rows[R];
      T* into[R];
      for (int r = 0; r < group; ++r) {
        const std::int64_t from = input ? input[p + r] : first + p + r;
        const std::int64_t to = output ? output[p + r] : p + r;
        rows[r] = job.x.data + from * job.x.stride;
        into[r] = sums + to * width;
      }
      if (group == R)
        multiply<T, R, 2>(rows, weight, job.channels, width, into);
      else
        multiply_rest<T>(group, rows, weight, job.channels, width, into);
    }
  }
  finish(job, first, count, sums);
}

template <class T>
inline void add_row(const T* row, T factor, int width, T* sums) {
  for (int c = 0; c < width; c += LANES<T>)
    store(sums + c, load(sums + c) + factor * load(row + c));
}

template <class T>
void gather_tile(const Convolution<T>& job, const SingleEntries<T>& x, std::int64_t tile, T* sums) {
  const int width = padded(job.out_channels), elements = job.map.elements;
  const std::int64_t first = tile * TILE;
  const std::int64_t count = job.outputs - first < TILE ? job.outputs - first : TILE;
  __builtin_memset(sums, 0, count * width * sizeof(T));
  const std::int64_t* starts = job.map.starts + tile * elements;
  for (int k = 0; k < elements; ++k) {
    const T* weight = job.weight + std::int64_t(k) * job.channels * width;
    for (std::int64_t p = starts[k]; p < starts[k + 1]; ++p) {
      const std::int64_t from = job.map.input[p];
      add_row(weight + std::int64_t(x.channel[from]) * width, x.value[from], width,
              sums + std::int64_t(job.map.output[p]) * width);
    }
  }
  finish(job, first, count, sums);
}

// sums (R, width) += x_i[c..c + R]^T g_o over pairs, N vectors of columns from `column`.
template <class T, int R, int N>
inline void add_product_columns(const T* const* x, int c, const T* const* grad, int pairs,
                                int width, T* sums, int column) {
  Vector<T> sum[R][N];
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) sum[r][n] = load(sums + r * width + column + n * LANES<T>);
  for (int p = 0; p < pairs; ++p) {
    const T* from = x[p] + c;
    const T* g = grad[p] + column;
    Vector<T> b[N];
    for (int n = 0; n < N; ++n) b[n] = load(g + n * LANES<T>);
    for (int r = 0; r < R; ++r)
      for (int n = 0; n < N; ++n) sum[r][n] += from[r] * b[n];
  }
  for (int r = 0; r < R; ++r)
    for (int n = 0; n < N; ++n) store(sums + r * width + column + n * LANES<T>, sum[r][n]);
}

template <class T, int R>
inline void add_products(const T* const* x, int c, const T* const* grad, int pairs, int width,
                         T* sums) {
  int column = 0;
  for (; column + 2 * LANES<T> <= width; column += 2 * LANES<T>)
    add_product_columns<T, R, 2>(x, c, grad, pairs, width, sums, column);
  for (; column < width; column += LANES<T>)
    add_product_columns<T, R, 1>(x, c, grad, pairs, width, sums, column);
}

// Adds the products of one tile and element to sums (block, width).
template <class T>
void add_tile(const WeightGradient<T>& job, std::int64_t tile, int element, int first, int block,
              T* sums) {
  const int width = padded(job.out_channels), elements = job.map.elements;
  const std::int64_t out = tile * TILE;
  std::int64_t start = out, pairs = job.outputs - out < TILE ? job.outputs - out : TILE;
  if (job.map.starts) {
    start = job.map.starts[tile * elements + element];
    pairs = job.map.starts[tile * elements + element + 1] - start;
  }
  const T* x[TILE];
  const T* grad[TILE];
  for (std::int64_t p = 0; p < pairs; ++p) {
    const std::int64_t from = job.map.starts ? job.map.input[start + p] : out + p;
    const std::int64_t to = job.map.starts ? out + job.map.output[start + p] : out + p;
    x[p] = job.x.data + from * job.x.stride + first;
    grad[p] = job.grad.data + to * job.grad.stride;
  }
  // 32 input channels are 4 * 6 + 2 * 4
  for (int c = 0, left = block; left > 0;) {
    const int take = left >= 9 || left == 6 ? 6 : left >= 4 ? 4 : left;
    T* to = sums + c * width;
    switch (take) {
      case 6: add_products<T, 6>(x, c, grad, int(pairs), width, to); break;
      case 4: add_products<T, 4>(x, c, grad, int(pairs), width, to); break;
      case 3: add_products<T, 3>(x, c, grad, int(pairs), width, to); break;
      case 2: add_products<T, 2>(x, c, grad, int(pairs), width, to); break;
      default: add_products<T, 1>(x, c, grad, int(pairs), width, to);
    }
    c += take;
    left -= take;
  }
}

template <class T>
void weight_gradient_block(const WeightGradient<T>& job, int element, int first, T* sums) {
  const int width = padded(job.out_channels);
  const int block = job.channels - first < WEIGHT_BLOCK ? job.channels - first : WEIGHT_BLOCK;
  const int left = job.map.elements - element;
  const int count = left < WEIGHT_ELEMENTS ? left : WEIGHT_ELEMENTS;
  __builtin_memset(sums, 0, std::int64_t(count) * WEIGHT_BLOCK * width * sizeof(T));
  for (std::int64_t tile = 0; tile * TILE < job.outputs; ++tile)
    for (int k = 0; k < count; ++k)
      add_tile(job, tile, element + k, first, block, sums + k * WEIGHT_BLOCK * width);
  for (int k = 0; k < count; ++k) {
    const T* from = sums + k * WEIGHT_BLOCK * width;
    T* to = job.gradient + (std::int64_t(element + k) * job.channels + first) * job.out_channels;
    for (int c = 0; c < block; ++c)
      for (int j = 0; j < job.out_channels; ++j) *to++ = from[c * width + j];
  }
}

template <class T>
void scatter_element(const WeightGradient<T>& job, const SingleEntries<T>& x, int element,
                     T* sums) {
  const int width = padded(job.out_channels), elements = job.map.elements;
  __builtin_memset(sums, 0, std::int64_t(job.channels) * width * sizeof(T));
  for (std::int64_t tile = 0; tile * TILE < job.outputs; ++tile) {
    const std::int64_t* starts = job.map.starts + tile * elements + element;
    for (std::int64_t p = starts[0]; p < starts[1]; ++p) {
      const std::int64_t from = job.map.input[p], to = tile * TILE + job.map.output[p];
      add_row(job.grad.data + to * job.grad.stride, x.value[from], width,
              sums + std::int64_t(x.channel[from]) * width);
    }
  }
  T* to = job.gradient + std::int64_t(element) * job.channels * job.out_channels;
  for (int c = 0; c < job.channels; ++c)
    for (int j = 0; j < job.out_channels; ++j) *to++ = sums[c * width + j];
}

}  // namespace

namespace MTML_SET {
extern const Tiles tiles;
const Tiles tiles = {
    {convolve_tile<float>, gather_tile<float>, weight_gradient_block<float>, scatter_element<float>},
    {convolve_tile<double>, gather_tile<double>, weight_gradient_block<double>,
     scatter_element<double>}};
}  // namespace MTML_SET

}  // namespace mtml
