#include "expunge/report/pareto.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/core/error.h"

namespace expunge {

std::vector<size_t> pareto_frontier(const std::vector<double>& costs,
                                    const std::vector<double>& scores) {
  if (costs.size() != scores.size()) {
    fail<InputError>("frontier: expected a score for each cost, got {} for {}", scores.size(),
                     costs.size());
  }
  for (size_t i = 0; i < costs.size(); ++i) {
    if (std::isfinite(costs[i]) && std::isfinite(scores[i])) continue;
    fail<NonFiniteError>("frontier: expected finite numbers, got cost {} and score {} at {}",
                         costs[i], scores[i], i);
  }
  std::vector<size_t> order(costs.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return costs[a] != costs[b] ? costs[a] < costs[b] : scores[a] < scores[b];
  });
  std::vector<size_t> frontier;
  for (const size_t i : order) {
    if (frontier.empty() || scores[i] < scores[frontier.back()]) frontier.push_back(i);
  }
  return frontier;
}

}  // namespace expunge
