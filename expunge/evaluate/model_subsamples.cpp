#include "expunge/evaluate/model_subsamples.h"

#include <cmath>
#include <numeric>

namespace expunge {

int64_t subsample_size(int64_t models) {
  return models * 3 / 4;
}

std::vector<int64_t> draw_models(int64_t models, CounterRng& rng) {
  auto drawn = rng.permutation(models);
  drawn.resize(static_cast<size_t>(subsample_size(models)));
  return drawn;
}

double deviation_scale(int64_t models) {
  const int64_t drawn = subsample_size(models);
  return std::sqrt(static_cast<double>(drawn) / static_cast<double>(models - drawn));
}

double standard_deviation(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double sum = 0;
  for (const double value : values) sum += (value - mean) * (value - mean);
  return std::sqrt(sum / (count - 1));
}

}  // namespace expunge
