// Dense layers on the loops of the convolutions: a tile of rows through all layers of a member.
#include "perceptron.hpp"

#include <algorithm>

#include "instruction_sets.hpp"
#include "padding.hpp"
#include "thread_pool.hpp"
#include "tiles.hpp"

namespace mtml {
namespace {

constexpr std::int64_t ROWS = 24;  // that a task takes: enough of them for all threads
static_assert(ROWS <= TILE, "a task is one tile");

// A member's weights of a layer.
const float* weight_of(const DenseLayer& layer, int member) {
  return layer.weight + std::int64_t(member) * layer.inputs * layer.outputs;
}

}  // namespace

std::vector<float> perceptrons(Rows<const float> x, std::int64_t rows,
                               const std::vector<DenseLayer>& layers, int members) {
  const int outputs = layers.back().outputs;
  const auto depth = layers.size();
  std::vector<std::unique_ptr<float[]>> weights(members * depth);  // where rows need padding
  for (int member = 0; member < members; ++member)
    for (std::size_t l = 0; l < depth; ++l) {
      const int n = layers[l].outputs, width = padded(n);
      if (width != n)
        weights[member * depth + l] =
            with_padding(weight_of(layers[l], member), n, layers[l].inputs, n, width);
    }
  const auto tiles = (rows + ROWS - 1) / ROWS;
  std::vector<float> of_members(members * rows * outputs);
  parallel(tiles * members, [&](std::int64_t task) {
    const int member = static_cast<int>(task / tiles);
    const std::int64_t first = task % tiles * ROWS, count = std::min(ROWS, rows - first);
    std::vector<float> now, next, sums;
    Rows<const float> in{x.data + first * x.stride, x.stride};
    for (std::size_t l = 0; l < depth; ++l) {
      const auto& layer = layers[l];
      const float* own = weights[member * depth + l].get();
      const bool last = l + 1 == depth;
      next.resize(count * layer.outputs);
      sums.resize(count * padded(layer.outputs));
      Convolution<float> job;
      job.inputs = job.outputs = count;
      job.channels = layer.inputs;
      job.out_channels = layer.outputs;
      job.x = in;
      job.weight = own ? own : weight_of(layer, member);
      job.shift = layer.shift + std::int64_t(member) * layer.outputs;
      job.relu = !last;
      job.y = {last ? of_members.data() + (member * rows + first) * outputs : next.data(),
               layer.outputs};
      instruction_set().tiles->single.convolve(job, 0, sums.data());
      std::swap(now, next);
      in = {now.data(), layer.outputs};
    }
  });
  std::vector<float> mean(rows * outputs, 0.0f);
  for (int member = 0; member < members; ++member)
    for (std::int64_t i = 0; i < rows * outputs; ++i)
      mean[i] += of_members[member * rows * outputs + i];
  for (auto& value : mean) value /= static_cast<float>(members);
  return mean;
}

}  // namespace mtml
