#include "expunge/attribution/multiplier.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "expunge/attribution/mask_gram.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {

Multiplier fit_multiplier(const Attributor& attributor, const torch::Tensor& masks,
                          const torch::Tensor& logits, int64_t at_most) {
  require_masks(masks);
  const int64_t models = std::min(masks.size(0), at_most);
  if (models < 4) fail<InputError>("multiplier: at least 4 subset models required, got {}", models);
  if (logits.dim() != 3 || logits.size(0) != masks.size(0)) {
    fail<InputError>("multiplier: logits ({}, points, classes) required, got {}", masks.size(0),
                     c10::str(logits.sizes()));
  }
  const auto predicted = attributor.removal_shifts(left_out(masks.narrow(0, 0, models)));
  const auto mean_prediction = predicted.mean(0);
  Multiplier result;
  result.models = models;
  double products = 0, squares = 0, variance = 0, errors = 0;
  std::vector<std::pair<double, double>> of_model;  // products and squares
  on_one_thread([&] {
    auto mean = torch::zeros_like(mean_prediction);
    for (int64_t i = 0; i < models; ++i) mean += logits[i].to(torch::kFloat32);
    mean /= static_cast<double>(models);
    for (int64_t i = 0; i < models; ++i) {
      const auto x = predicted[i] - mean_prediction;
      const auto y = logits[i].to(torch::kFloat32) - mean;
      of_model.emplace_back((x * y).sum(torch::kFloat64).item<double>(),
                            x.square().sum(torch::kFloat64).item<double>());
      products += of_model.back().first;
      squares += of_model.back().second;
      variance += y.square().sum(torch::kFloat64).item<double>();
    }
  });
  if (!std::isfinite(products) || !std::isfinite(squares) || !std::isfinite(variance))
    fail<NonFiniteError>("multiplier: predictions or logits of subset models are not finite");
  if (squares == 0) fail<InputError>("multiplier: predictions for subset models are all alike");
  result.value = products / squares;
  for (const auto& [xy, xx] : of_model) errors += std::pow(xy - result.value * xx, 2);
  const auto n = static_cast<double>(models);
  result.standard_error = std::sqrt(errors * n / (n - 1)) / squares;
  result.explained = variance > 0 ? products * products / (squares * variance) : 0;
  return result;
}

ScaledAttributor::ScaledAttributor(std::unique_ptr<Attributor> attributor, double factor)
    : attributor_(std::move(attributor)), factor_(factor) {}

torch::Tensor ScaledAttributor::removal_shifts(
    std::span<const std::vector<int64_t>> removals) const {
  return attributor_->removal_shifts(removals) * factor_;
}

}  // namespace expunge
