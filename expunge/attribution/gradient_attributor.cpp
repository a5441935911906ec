#include "expunge/attribution/gradient_attributor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "expunge/core/error.h"
#include "expunge/data/forget_set.h"
#include "expunge/gradients/logit_changes.h"

namespace expunge {
namespace {

constexpr int64_t numbers_at_once = 64 << 20;  // of directions in the space of the parameters

}  // namespace

GradientAttributor::GradientAttributor(TrainedModels models, int64_t at_most,
                                       const Problem& problem, int64_t workers)
    : models_(std::move(models)), problem_(problem), workers_(workers) {
  models_.count = std::min(models_.count, at_most);
  if (models_.count < 1)
    fail<InputError>("attribution by gradients: at least one trained model required, got none");
}

torch::Tensor GradientAttributor::removal_shifts(
    std::span<const std::vector<int64_t>> removals) const {
  for (const auto& removal : removals) check_forget_set(removal, problem_.n(), "removal set");
  const auto sets = static_cast<int64_t>(removals.size());
  auto shifts = at::zeros({sets, problem_.m(), problem_.shape.classes}, torch::kFloat32);
  for (int64_t model = 0; model < models_.count; ++model) {
    const auto network = models_.load(model);
    const auto effects = effects_of(*network, model);
    const int64_t parameters = network->parameters().size(0);
    const int64_t block =
        std::clamp<int64_t>(numbers_at_once / parameters, 1, std::max<int64_t>(sets, 1));
    for (int64_t begin = 0; begin < sets; begin += block) {
      const int64_t count = std::min(block, sets - begin);
      auto directions = at::empty({count, parameters}, network->parameters().options());
      for (int64_t k = 0; k < count; ++k)
        directions[k].copy_(effects->parameter_change(removals[static_cast<size_t>(begin + k)]));
      shifts.narrow(0, begin, count)
          .add_(logit_changes(*network, directions, problem_.inputs, workers_));
    }
  }
  return shifts.div_(static_cast<double>(models_.count));
}

GradientScores GradientAttributor::scores(std::span<const int64_t> points) const {
  for (const int64_t point : points) {
    if (point < 0 || point >= problem_.m())
      fail<InputError>("scores: a point from 0 to {} required, got {}", problem_.m() - 1, point);
  }
  // Running mean and sum of squared deviations (Welford, Technometrics 1962).
  GradientScores result;
  torch::Tensor deviations;
  for (int64_t model = 0; model < models_.count; ++model) {
    const auto network = models_.load(model);
    const auto scores = effects_of(*network, model)->scores(points);
    if (model == 0) {
      result.mean = scores;
      deviations = at::zeros_like(scores);
      continue;
    }
    const auto off = scores - result.mean;
    result.mean += off / static_cast<double>(model + 1);
    deviations += off * (scores - result.mean);
  }
  if (models_.count > 1) {
    const auto n = static_cast<double>(models_.count);
    result.standard_error = deviations.div_(n * (n - 1)).sqrt_();
  }
  return result;
}

}  // namespace expunge
