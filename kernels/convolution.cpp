// Sparse convolution: which instruction set, padding of the channels, tiles over the threads.
#include "convolution.hpp"

#include <memory>
#include <type_traits>
#include <vector>

#include "instruction_sets.hpp"
#include "padding.hpp"
#include "thread_pool.hpp"
#include "tiles.hpp"

namespace mtml {
namespace {

// Multiplications that take some .2 ms: with fewer, waiting for other threads costs what they save,
// and on a busy machine more.
constexpr std::int64_t WORTH_WAKING = 1 << 24;

template <class T>
const TileFunctions<T>& functions() {
  if constexpr (std::is_same_v<T, float>) return instruction_set().tiles->single;
  else return instruction_set().tiles->twice;
}

// Memory of a thread that later calls use again.
template <class T>
T* scratch(std::int64_t size) {
  thread_local std::unique_ptr<T[]> memory;
  thread_local std::int64_t held = 0;
  if (held < size) {
    memory.reset(new T[size]);
    held = size;
  }
  return memory.get();
}

// The entries of rows that have one each at most; not `found` where a row has several.
template <class T>
struct Entries {
  Entries(const Rows<const T>& rows, std::int64_t count, int channels) {
    for (std::int64_t i = 0; i < count; ++i) {
      const T* row = rows.data + i * rows.stride;
      int last = 0, entries = 0;
      for (int c = 0; c < channels; ++c)
        if (row[c] != 0) {
          last = c;
          ++entries;
        }
      if (entries > 1) return;
      channel.push_back(last);
      value.push_back(row[last]);
    }
    found = true;
  }

  SingleEntries<T> view() const { return {channel.data(), value.data()}; }

  bool found = false;
  std::vector<std::int32_t> channel;
  std::vector<T> value;
};

}  // namespace

template <class T>
void convolve(const Convolution<T>& convolution) {
  Convolution<T> job = convolution;
  const int n = job.out_channels, width = padded(n);
  std::unique_ptr<T[]> weight;
  if (width != n) {
    const std::int64_t rows = std::int64_t(job.map.elements) * job.channels;
    weight = with_padding(job.weight, n, rows, n, width);
    job.weight = weight.get();
  }
  const auto tiles = (job.outputs + TILE - 1) / TILE;
  if (job.map.starts) {
    const Entries<T> entries(job.x, job.inputs, job.channels);
    if (entries.found)
      return parallel(tiles, [&](std::int64_t tile) {
        functions<T>().gather(job, entries.view(), tile, scratch<T>(TILE * width));
      });
  }
  const auto one = [&](std::int64_t tile) {
    functions<T>().convolve(job, tile, scratch<T>(TILE * width));
  };
  const auto pairs = job.map.starts ? job.map.starts[tiles * job.map.elements] : job.outputs;
  if (pairs * job.channels * n < WORTH_WAKING) {
    for (std::int64_t tile = 0; tile < tiles; ++tile) one(tile);
  } else {
    parallel(tiles, one);
  }
}

template <class T>
void weight_gradient(const WeightGradient<T>& gradient) {
  WeightGradient<T> job = gradient;
  const int n = job.out_channels, width = padded(n);
  std::unique_ptr<T[]> grad;
  if (width != n) {
    grad = with_padding(job.grad.data, job.grad.stride, job.outputs, n, width);
    job.grad = {grad.get(), width};
  }
  const int blocks = (job.channels + WEIGHT_BLOCK - 1) / WEIGHT_BLOCK;
  const int elements = job.map.elements;
  if (job.map.starts) {
    const Entries<T> entries(job.x, job.inputs, job.channels);
    if (entries.found)
      return parallel(elements, [&](std::int64_t element) {
        functions<T>().scatter(job, entries.view(), int(element),
                               scratch<T>(std::int64_t(job.channels) * width));
      });
  }
  const int groups = (elements + WEIGHT_ELEMENTS - 1) / WEIGHT_ELEMENTS;
  parallel(std::int64_t(groups) * blocks, [&](std::int64_t task) {
    functions<T>().weight_gradient(job, int(task / blocks) * WEIGHT_ELEMENTS,
                                   int(task % blocks) * WEIGHT_BLOCK,
                                   scratch<T>(WEIGHT_ELEMENTS * WEIGHT_BLOCK * width));
  });
}

template void convolve(const Convolution<float>&);
template void convolve(const Convolution<double>&);
template void weight_gradient(const WeightGradient<float>&);
template void weight_gradient(const WeightGradient<double>&);

}  // namespace mtml
