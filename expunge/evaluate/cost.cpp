#include "expunge/evaluate/cost.h"

#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

double checked(const char* what, double value) {
  if (!(value >= 0 && std::isfinite(value))) {
    fail("cost: {} must be a finite number, 0 or more, got {}", what, value);
  }
  return value;
}

}  // namespace

Cost cost_of_forward(double examples) {
  return {checked("examples", examples) / 3};
}

Cost cost_of_backward(double examples, double passes) {
  return {2 * checked("passes", passes) * checked("examples", examples) / 3};
}

Cost cost_of_gradients(double examples) {
  return {checked("examples", examples)};
}

double share_of_training(const Cost& cost, double training_sample_gradients) {
  if (checked("sample gradients of a training", training_sample_gradients) == 0) {
    fail("cost: sample gradients of a training must be above 0");
  }
  return cost.sample_gradients / training_sample_gradients;
}

std::optional<int64_t> requests_to_pay_off(double ensemble_trainings, double per_request_share) {
  checked("trainings of the ensemble", ensemble_trainings);
  if (checked("share of a training a request", per_request_share) >= 1) return std::nullopt;
  const double requests = ensemble_trainings / (1 - per_request_share);
  // Beyond int64 it pays for nobody.
  if (requests > 9e18) return std::nullopt;
  const double whole = std::round(requests);
  const double least = std::abs(requests - whole) <= 1e-9 * whole ? whole : std::ceil(requests);
  return static_cast<int64_t>(least);
}

}  // namespace expunge
