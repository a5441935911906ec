#include "expunge/evaluate/klom_forecast.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/forecast_belief.h"
#include "expunge/evaluate/forecast_simulation.h"
#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom_kernel.h"
#include "expunge/evaluate/model_subsamples.h"

namespace expunge {
namespace {

constexpr int64_t kLeastModels = 20;
constexpr int64_t kLeastLeftOut = 3;
constexpr int64_t kFewLeftOut = 10;
constexpr double kMuchMutual = 0.85;  // standard deviations

void check_margins(const torch::Tensor& array, const char* name, int64_t models, int64_t points,
                   bool none_allowed = false) {
  if (array.dim() != 2 || array.scalar_type() != torch::kFloat32 || array.size(0) != models ||
      array.size(1) != points || !array.is_contiguous()) {
    fail<InputError>("forecast: {} ({}, {}) float32 required, got ({}) of {}", name, models, points,
                     fmt::join(array.sizes(), ", "), toString(array.scalar_type()));
  }
  const auto bad = (none_allowed ? array.isinf() : array.isfinite().logical_not()).nonzero();
  if (bad.size(0) > 0) {
    fail<NonFiniteError>("forecast: finite {} required, got NaN or infinity at model {}, point {}",
                         name, bad[0][0].item<int64_t>(), bad[0][1].item<int64_t>());
  }
}

// (n) how many subset models left each example out.
std::vector<int64_t> left_out_counts(const torch::Tensor& masks) {
  const auto counts = (masks.size(0) - masks.to(torch::kInt64).sum(0)).contiguous();
  const int64_t* data = counts.data_ptr<int64_t>();
  return {data, data + counts.numel()};
}

void check_case(const ForecastCase& set, const ForecastModels& models,
                const std::vector<int64_t>& left_out) {
  const int64_t n = models.masks.size(1);
  check_margins(set.predicted, "predicted margins", models.full_margins.size(0),
                models.labels.numel());
  std::vector<bool> seen(static_cast<size_t>(n), false);
  for (const int64_t j : set.forget) {
    if (j < 0 || j >= n)
      fail<InputError>("forget set: indices from 0 to {} required, got {}", n - 1, j);
    if (seen[static_cast<size_t>(j)])
      fail<InputError>("forget set: each index once required, got {} twice", j);
    seen[static_cast<size_t>(j)] = true;
    if (left_out[static_cast<size_t>(j)] < kLeastLeftOut) {
      fail<InputError>(
          "forecast: at least {} subset models that left example {} out required, got {}",
          kLeastLeftOut, j, left_out[static_cast<size_t>(j)]);
    }
  }
  const auto classes = static_cast<size_t>(models.labels.max().item<int64_t>() + 1);
  for (const auto* effects : {&set.before.validation_coupling, &set.before.retain_coupling}) {
    if (!effects->empty() && effects->size() != classes) {
      fail<InputError>("forecast: effects of earlier removals on {} classes required, got {}",
                       classes, effects->size());
    }
  }
  const auto size = std::ssize(set.forget);
  if (size == 0 || size >= n)
    fail<InputError>("forget set: 1 to {} examples required, got {}", n - 1, size);
}

std::vector<int64_t> first(int64_t count) {
  std::vector<int64_t> all(static_cast<size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::vector<int64_t> drawn_in_order(int64_t models, CounterRng& rng) {
  auto drawn = draw_models(models, rng);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

ForecastInterval interval_of(const std::vector<double>& draws) {
  return {percentile(draws, 50), percentile(draws, 2.5), percentile(draws, 97.5)};
}

ForecastInterval multiplier_of(double estimate, const std::vector<double>& resampled,
                               double scale) {
  if (!std::isfinite(estimate)) {
    const double none = std::numeric_limits<double>::quiet_NaN();
    return {none, none, none};
  }
  const double reach = 1.96 * scale * standard_deviation(resampled);
  return {estimate, estimate - reach, estimate + reach};
}

// What F takes beyond what any subset model went without.
std::vector<std::string> warnings_of(const ForecastCase& set, const ForecastModels& models,
                                     const PointEvidence& points,
                                     const std::vector<int64_t>& left_out) {
  const int64_t n = models.masks.size(1);
  const int64_t* labels = models.labels.data_ptr<int64_t>();
  const int64_t classes = models.labels.max().item<int64_t>() + 1;
  std::vector<int64_t> taken(static_cast<size_t>(classes), 0), size = taken, most = taken;
  for (const int64_t j : set.forget) ++taken[static_cast<size_t>(labels[j])];
  for (int64_t j = 0; j < n; ++j) ++size[static_cast<size_t>(labels[j])];
  for (int64_t i = 0; i < models.masks.size(0); ++i) {
    std::vector<int64_t> without(static_cast<size_t>(classes), 0);
    const bool* mask = models.masks.data_ptr<bool>() + i * n;
    for (int64_t j = 0; j < n; ++j) {
      if (!mask[j]) ++without[static_cast<size_t>(labels[j])];
    }
    for (size_t c = 0; c < most.size(); ++c) most[c] = std::max(most[c], without[c]);
  }
  std::vector<std::string> warnings;
  for (size_t c = 0; c < taken.size(); ++c) {
    if (taken[c] <= most[c]) continue;
    warnings.push_back(
        fmt::format("{} of the {} examples of class {} go; no subset model went without more than "
                    "{}: beyond what was measured",
                    taken[c], size[c], c, most[c]));
  }
  int64_t fewest = std::numeric_limits<int64_t>::max();
  for (const int64_t j : set.forget) fewest = std::min(fewest, left_out[static_cast<size_t>(j)]);
  if (fewest < kFewLeftOut) {
    warnings.push_back(fmt::format(
        "an example was left out by {} subset models only; {} or more required to trust this",
        fewest, kFewLeftOut));
  }
  if (points.mutual_size > kMuchMutual) {
    warnings.push_back(fmt::format(
        "its examples act on each other: {:.1f} standard deviations of a margin, by the "
        "networks' tangent kernel; more than {} is beyond what was measured",
        points.mutual_size, kMuchMutual));
  }
  return warnings;
}

}  // namespace

void check_forecast_models(const ForecastModels& models) {
  if (models.masks.dim() != 2 || models.masks.scalar_type() != torch::kBool ||
      !models.masks.is_contiguous()) {
    fail<InputError>("forecast: masks (models, examples) bool required, got ({}) of {}",
                     fmt::join(models.masks.sizes(), ", "), toString(models.masks.scalar_type()));
  }
  const int64_t subset = models.masks.size(0);
  const int64_t n = models.masks.size(1);
  const int64_t full = models.full_margins.dim() == 2 ? models.full_margins.size(0) : 0;
  if (subset < kLeastModels || full < kLeastModels) {
    fail<InputError>("forecast: at least {} subset models and full models required, got {} and {}",
                     kLeastModels, subset, full);
  }
  if (models.labels.dim() != 1 || models.labels.scalar_type() != torch::kInt64 ||
      !models.labels.is_contiguous() || models.labels.numel() < n + 20) {
    fail<InputError>(
        "forecast: int64 labels of {} training examples and at least 20 validation points "
        "required, got ({}) of {}",
        n, fmt::join(models.labels.sizes(), ", "), toString(models.labels.scalar_type()));
  }
  if (models.labels.min().item<int64_t>() < 0)
    fail<InputError>("forecast: labels from 0 required, got {}",
                     models.labels.min().item<int64_t>());
  const int64_t m = models.labels.numel();
  check_margins(models.margins, "subset models' margins", subset, m);
  check_margins(models.held_out, "held-out predictions", subset, m, /*none_allowed=*/true);
  check_margins(models.full_margins, "full models' margins", full, m);
  if (models.folds < 2 || models.folds > subset / 2)
    fail<InputError>("forecast: 2 to {} folds required, got {}", subset / 2, models.folds);
}

void ForecastOptions::validate() const {
  require_option(oracles == 0 || oracles >= 2, "oracles", "0, or at least 2",
                 static_cast<double>(oracles));
  require_option(unlearned == 0 || unlearned >= 2, "unlearned", "0, or at least 2",
                 static_cast<double>(unlearned));
  require_option(resamples >= 20, "resamples", "20 or more", static_cast<double>(resamples));
  require_option(seed >= 0, "resampling_seed", "at least 0", static_cast<double>(seed));
}

OptionGroup options_of(ForecastOptions& o) {
  OptionGroup group("forecast", "The forecast of KLoM");
  group.add("oracles", o.oracles, "oracles that would judge; 0: as many as evaluate has", "models")
      .add("unlearned", o.unlearned,
           "unlearned models that would be judged; 0: as many as full models", "models")
      .add("resamples", o.resamples,
           "draws for the interval, each from three quarters of the models", "draws")
      .add("resampling_seed", o.seed, "seed of the draws");
  return group;
}

std::vector<KlomForecast> forecast_klom(const ForecastModels& models,
                                        std::span<const ForecastCase> cases,
                                        const ForecastOptions& options,
                                        const KlomOptions& klom_options) {
  options.validate();
  klom_options.validate();
  check_forecast_models(models);
  const auto left_out = left_out_counts(models.masks);
  for (const auto& set : cases) check_case(set, models, left_out);

  const int64_t subset = models.masks.size(0);
  const int64_t full = models.full_margins.size(0);
  const ForecastCounts counts{options.unlearned == 0 ? full : options.unlearned,
                              options.oracles == 0 ? full : options.oracles};
  const double scale = std::max(deviation_scale(subset), deviation_scale(full));
  const ForecastEvidence evidence(models, first(subset), first(full));
  std::vector<KlomForecast> forecasts(cases.size());
  std::vector<PointEvidence> points;
  for (size_t k = 0; k < cases.size(); ++k) {
    points.emplace_back(models, cases[k]);
    forecasts[k].parameters = evidence.parameters(cases[k]);
    forecasts[k].mutual = points[k].mutual_size;
    forecasts[k].warnings = warnings_of(cases[k], models, points[k], left_out);
  }

  const KlomKernel kernel(klom_options, counts.unlearned, counts.oracles);
  const auto luck = correlated_rows(models.full_margins);
  const auto count = static_cast<size_t>(options.resamples);
  std::vector<std::vector<ForecastParameters>> parameters(cases.size(),
                                                          std::vector<ForecastParameters>(count));
  parallel_for(options.resamples, options.workers, [&](int64_t r) {
    CounterRng rng(derive_seed(static_cast<uint64_t>(options.seed), "forecast draw",
                               static_cast<uint64_t>(r)));
    auto rows = drawn_in_order(subset, rng);
    const ForecastEvidence drawn(models, std::move(rows), drawn_in_order(full, rng));
    for (size_t k = 0; k < cases.size(); ++k)
      parameters[k][static_cast<size_t>(r)] = drawn.parameters(cases[k]);
  });
  std::vector<ForecastBelief> beliefs;
  for (size_t k = 0; k < cases.size(); ++k)
    beliefs.emplace_back(forecasts[k].parameters, parameters[k], scale);
  std::vector<std::vector<ForecastDraw>> draws(cases.size(), std::vector<ForecastDraw>(count));
  parallel_for(options.resamples, options.workers, [&](int64_t r) {
    const auto at = static_cast<size_t>(r);
    for (size_t k = 0; k < cases.size(); ++k) {
      // The same stream for every case: a forecast does not depend on the other cases.
      CounterRng stream(derive_seed(static_cast<uint64_t>(options.seed), "forecast simulation",
                                    static_cast<uint64_t>(r)));
      draws[k][at] = draw_forecast(beliefs[k].of(parameters[k][at]), evidence.excess_variance(),
                                   points[k], cases[k], models, luck, counts, kernel, stream);
    }
  });
  for (size_t k = 0; k < cases.size(); ++k) {
    const auto over_draws = [&](GroupForecast ForecastDraw::*group, double GroupForecast::*number) {
      std::vector<double> values;
      for (const ForecastDraw& draw : draws[k]) values.push_back(draw.*group.*number);
      return interval_of(values);
    };
    forecasts[k].forget = over_draws(&ForecastDraw::forget, &GroupForecast::p95);
    forecasts[k].retain = over_draws(&ForecastDraw::retain, &GroupForecast::p95);
    forecasts[k].validation = over_draws(&ForecastDraw::validation, &GroupForecast::p95);
    forecasts[k].forget_error = over_draws(&ForecastDraw::forget, &GroupForecast::error);
    forecasts[k].retain_error = over_draws(&ForecastDraw::retain, &GroupForecast::error);
    forecasts[k].validation_error = over_draws(&ForecastDraw::validation, &GroupForecast::error);
    std::vector<double> multipliers;
    for (const auto& p : parameters[k]) multipliers.push_back(p.multiplier);
    forecasts[k].multiplier = multiplier_of(forecasts[k].parameters.multiplier, multipliers, scale);
  }
  return forecasts;
}

}  // namespace expunge
