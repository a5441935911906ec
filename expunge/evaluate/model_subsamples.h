// Random subsets of models, to tell how far a statistic would move if they were trained again: the
// delete-d jackknife that group_summary.h explains. Each subset has b = floor(3/4 N) of N models.
#pragma once

#include <cstdint>
#include <vector>

#include "expunge/core/random.h"

namespace expunge {

/// b = floor(3/4 N) of N models.
int64_t subsample_size(int64_t models);

/// b of the models 0 ... N - 1, without replacement.
std::vector<int64_t> draw_models(int64_t models, CounterRng& rng);

/// sqrt(b / (N - b)): from the deviation of a statistic of b models to that of N.
double deviation_scale(int64_t models);

/// Unbiased in its square; values: at least two.
double standard_deviation(const std::vector<double>& values);

}  // namespace expunge
