// Mean-shift with a flat kernel, by peeling: a few free points climb to their modes together, the
// modes claim the balls around them, and so on until hardly any point is free.
#pragma once

#include <cstdint>
#include <vector>

namespace mtml {

struct MeanShiftSettings {
  std::int64_t sample;  // points that modes are sought on; more are thinned evenly
  int seeds;            // points that climb in one round
  int max_rounds;
  int max_steps;
  float tolerance;  // a seed has arrived when a step is shorter than this share of the bandwidth
  float basin;      // points within this share of the bandwidth of a seed climb where it does
  float fringe;     // share of the points that may stay free
};

struct Clusters {
  std::vector<std::int64_t> cluster;  // of each point, its nearest mode
  std::vector<float> modes;           // (K, dimensions), the densest first
};

// points: (count, dimensions). A result a bandwidth.
std::vector<Clusters> mean_shift(const float* points, std::int64_t count, int dimensions,
                                 const std::vector<float>& bandwidths,
                                 const MeanShiftSettings& settings);

}  // namespace mtml
