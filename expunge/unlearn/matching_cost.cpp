#include "expunge/unlearn/matching_cost.h"

#include <algorithm>

namespace expunge {
namespace {

double kernel_cost(const MatchingOptions& options, int64_t forget, int64_t n, int64_t classes) {
  const auto& kernel = options.kernel;
  const int64_t steps = matching_schedule(kernel, forget, n).steps;
  const int64_t at_once = forget_at_once(kernel, classes);
  const int64_t parts = (forget + at_once - 1) / at_once;
  double cost = kernel.curvature_points > 0
                    ? static_cast<double>(std::min(kernel.curvature_points, n - forget))
                    : 0;
  for (int64_t solution = 0; solution < steps * parts; ++solution) {
    const int64_t k = solution % parts;
    const int64_t part = forget * (k + 1) / parts - forget * k / parts;
    const int64_t drawn = matching_schedule(kernel, part, n).retain_points;
    const auto f = static_cast<double>(part);
    const auto retain = static_cast<double>(std::min(drawn, n - forget));
    cost += f * (1 + 2 * static_cast<double>(classes)) / 3 + retain + (f + retain) / 3;
    if (solution > 0 && options.retain_targets == RetainTargets::own) cost += retain / 3;
  }
  return cost;
}

double gradient_cost(const MatchingOptions& options, int64_t forget, int64_t n) {
  const auto& gradient = options.gradient;
  const auto retain =
      static_cast<double>(std::min(gradient.retain_multiplier * forget, n - forget));
  const auto forgotten = static_cast<double>(gradient.forget_multiplier * forget);
  const double own = options.retain_targets == RetainTargets::own ? retain / 3 : 0;
  return static_cast<double>(gradient.epochs) * (forgotten + retain + own);
}

}  // namespace

double matching_cost(const MatchingOptions& options, int64_t forget, int64_t n, int64_t classes) {
  return options.engine == MatchingEngine::kernel ? kernel_cost(options, forget, n, classes)
                                                  : gradient_cost(options, forget, n);
}

}  // namespace expunge
