// Small networks of dense layers, several that were started differently at once.
#pragma once

#include <cstdint>
#include <vector>

#include "convolution.hpp"

namespace mtml {

// One layer of all members: weight (members, inputs, outputs), shift (members, outputs).
struct DenseLayer {
  int inputs = 0, outputs = 0;
  const float* weight = nullptr;
  const float* shift = nullptr;
};

// (rows, outputs of the last layer): the mean over the members of what their layers, a ReLU after
// each but the last, make of the rows of x. A layer's inputs are the outputs of the one before.
std::vector<float> perceptrons(Rows<const float> x, std::int64_t rows,
                               const std::vector<DenseLayer>& layers, int members);

}  // namespace mtml
