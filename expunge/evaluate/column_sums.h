// Mean and standard deviation of one point's margins over models, as they come. Internal to forecasts.
#pragma once

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace expunge {

struct ColumnSums {
  int64_t count = 0;
  double sum = 0, squares = 0;

  void add(double value) {
    ++count;
    sum += value;
    squares += value * value;
  }
  /// NaN of none.
  [[nodiscard]] double mean() const {
    return count > 0 ? sum / static_cast<double>(count) : std::numeric_limits<double>::quiet_NaN();
  }
  /// NaN of fewer than two.
  [[nodiscard]] double deviation() const {
    if (count < 2) return std::numeric_limits<double>::quiet_NaN();
    const double of_mean = sum * sum / static_cast<double>(count);
    return std::sqrt(std::max(0.0, squares - of_mean) / static_cast<double>(count - 1));
  }
};

/// (m), over the models of margins (models, m) float32, contiguous.
inline std::vector<ColumnSums> sums_over_models(const torch::Tensor& margins) {
  const int64_t m = margins.size(1);
  std::vector<ColumnSums> sums(static_cast<size_t>(m));
  const float* data = margins.data_ptr<float>();
  for (int64_t i = 0; i < margins.size(0); ++i) {
    for (int64_t j = 0; j < m; ++j) sums[static_cast<size_t>(j)].add(data[i * m + j]);
  }
  return sums;
}

/// A deviation to divide by: at least 0.001 nats, as margins that never differ have no unit.
inline double as_unit(double deviation) {
  return std::max(deviation, 1e-3);
}

}  // namespace expunge
