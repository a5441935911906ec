// Margins drawn from Gaussians, and the attack on all their points.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "expunge/evaluate/ulira.h"
#include "message_of.h"

namespace expunge {

inline torch::Tensor table(int64_t models, int64_t m,
                           const std::function<float(int64_t, int64_t)>& value) {
  torch::Tensor result = torch::empty({models, m}, torch::kFloat32);
  for (int64_t i = 0; i < models; ++i) {
    for (int64_t j = 0; j < m; ++j) result.data_ptr<float>()[i * m + j] = value(i, j);
  }
  return result;
}

inline torch::Tensor gaussian(int64_t models, int64_t m, float mean, float deviation,
                              unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, deviation);
  return table(models, m, [&](int64_t, int64_t) { return normal(engine); });
}

inline std::vector<int64_t> all_points(const torch::Tensor& margins) {
  std::vector<int64_t> points(margins.size(1));
  std::iota(points.begin(), points.end(), 0);
  return points;
}

inline UliraScores scores_of(const torch::Tensor& u, const torch::Tensor& o, int64_t seed = 0) {
  UliraOptions options;
  options.seed = seed;
  return ulira_scores(u, o, all_points(u), options);
}

inline UliraResult summary_of(const UliraScores& scores) {
  return summarise_ulira({&scores, 1});
}

}  // namespace expunge
