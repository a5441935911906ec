#include "expunge/desk/removal.h"

#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/mutual_effects.h"

namespace expunge::desk {

std::vector<int64_t> RemovalSet::all() const {
  auto both = before;
  both.insert(both.end(), now.begin(), now.end());
  std::sort(both.begin(), both.end());
  return both;
}

KlomForecast forecast_removal(const Evidence& evidence, const FrozenAttributor& attributor,
                              const LiveProblem& live, const RemovalSet& set,
                              const torch::Tensor& shift, const EarlierRemovals& earlier,
                              const RemovalOptions& options, const ForecastCounts& counts,
                              const KlomOptions& klom_options, int64_t workers) {
  const auto& labels = live.problem.labels;
  const auto full_logits = live.rows_of(evidence.full_logits, 1);
  ForecastModels models;
  models.masks = live.rows_of(evidence.masks, 1);
  models.margins = margins(live.rows_of(evidence.subset_logits, 1), labels, workers);
  models.held_out = live.rows_of(evidence.held_out, 1);
  models.full_margins = margins(full_logits, labels, workers);
  models.labels = labels;
  models.folds = forecast_folds(evidence);

  const auto live_shift = live.rows_of(shift, 0);
  ForecastCase request{live.places(set.now),
                       shifted_margins(full_logits, live_shift, labels, workers)};
  request.before = earlier;
  request.before.examples = std::ssize(set.before);
  if (attributor.carried) {
    const auto which = torch::tensor(request.forget);
    const auto now = torch::tensor(set.now);
    const auto effects = attributor.carried->shift(set.all(), attributor.datamodels.own_effects())
                             .index_select(0, now);
    request.mutual = change_by_effects(full_logits.index_select(1, which).contiguous(),
                                       live_shift.index_select(0, which), effects, /*within=*/true,
                                       labels.index_select(0, which), workers);
    request.mutual_predicted = true;
  }
  ForecastOptions forecast;
  forecast.oracles = counts.oracles;
  forecast.unlearned = counts.unlearned;
  forecast.resamples = options.resamples;
  forecast.seed = options.seed;
  forecast.workers = workers;
  return forecast_klom(models, std::span(&request, 1), forecast, klom_options).front();
}

UnlearnSummary match_removal(Network& network, const LiveProblem& live,
                             std::span<const int64_t> forget, const torch::Tensor& original_logits,
                             const torch::Tensor& shift, const MatchingOptions& matching, Hold hold,
                             uint64_t seed) {
  const auto places = live.places(forget);
  const auto original = live.rows_of(original_logits, 0);
  auto moved = live.rows_of(shift, 0);
  if (hold == Hold::original) {
    const auto which = torch::tensor(places);
    moved = torch::zeros_like(moved).index_copy_(0, which, moved.index_select(0, which));
  }
  auto options = matching;
  options.retain_targets = hold == Hold::newest ? RetainTargets::own : RetainTargets::predicted;
  return TargetMatching(options).unlearn(
      network,
      {.problem = live.problem, .forget = places, .targets = original + moved, .seed = seed});
}

}  // namespace expunge::desk
