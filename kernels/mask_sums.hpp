// What is summed, counted and measured over the voxels of each mask.
#pragma once

#include <cstdint>
#include <vector>

#include "convolution.hpp"
#include "masks.hpp"

namespace mtml {

// (masks, columns) sums of the voxels' rows of values.
std::vector<double> sums_of_rows(const Masks& masks, Rows<const float> values, int columns);

// (masks, bins) the weights (none: 1 each) of the voxels whose bin is that; bin -1 is none.
std::vector<double> histogram(const Masks& masks, const std::int64_t* bin, int bins,
                              const float* weights);

// (masks, columns + radii) about a mask's center (masks, columns): the sums of its rows' squared
// distances along each column, then how many of them lie within each radius.
std::vector<double> spread(const Masks& masks, Rows<const float> values, int columns,
                           const double* centers, const std::vector<double>& radii);

// The bin that most of a mask's voxels are in (ties: the lowest), and how many; 0 and 0 for none.
struct MainBins {
  std::vector<std::int64_t> bin, count;
};
MainBins main_bins(const Masks& masks, const std::int64_t* bin, std::int64_t bins);

// How a mask lies in space: extents along its longer and its shorter horizontal axis and upwards
// (between centres of voxels), its lowest and its mean height, the mean cosine between the voxels'
// directions and those to its centre, then how many voxels are in each of `slices` of its height.
// xyz, direction: (voxels, 3). voxel_size is added to the height that is sliced.
constexpr int EXTENTS = 6;
std::vector<double> shapes(const Masks& masks, const float* xyz, const float* direction, int slices,
                           float voxel_size);

}  // namespace mtml
