#include "expunge/pipeline/mutual_effects.h"

#include <optional>

#include "expunge/attribution/subset_datamodels.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/network_kernel.h"

namespace expunge {
namespace {

// (|F|): mean over the models of the margins of F.
torch::Tensor mean_margins(const torch::Tensor& logits, const torch::Tensor& shift,
                           const torch::Tensor& labels, int64_t workers) {
  return shifted_margins(logits, shift, labels, workers)
      .to(torch::kFloat64)
      .mean(0)
      .to(torch::kFloat32);
}

}  // namespace

torch::Tensor change_by_effects(const torch::Tensor& logits, const torch::Tensor& predicted,
                                const torch::Tensor& effects, bool within,
                                const torch::Tensor& labels, int64_t workers) {
  const auto before = (within ? predicted - effects : predicted).contiguous();
  const auto after = (within ? predicted : predicted + effects).contiguous();
  return mean_margins(logits, after, labels, workers) -
         mean_margins(logits, before, labels, workers);
}

MutualEffects mutual_effects(const Experiment& experiment, const std::vector<torch::Tensor>& shifts,
                             const CarriedEffects* carried) {
  MutualEffects result;
  const auto full = experiment.open_store("full", "train");
  result.missing = kernel_missing(experiment);
  if (!result.missing.empty()) return result;

  const auto subset = experiment.open_store("subset", "train");
  RidgeOptions options;
  options.workers = experiment.workers();
  const auto own = SubsetDatamodels::fit(subset.masks(), subset.logits(), options).own_effects();
  const bool within = carried != nullptr;
  std::optional<CarriedEffects> fitted;
  if (!within) carried = &fitted.emplace(carried_effects(experiment));
  const auto logits = full.logits();
  for (size_t k = 0; k < shifts.size(); ++k) {
    const auto& forget = experiment.forget_sets()[k].indices;
    const auto which = torch::tensor(forget);
    const auto labels = experiment.problem().labels.index_select(0, which);
    const auto of_f = logits.index_select(1, which).contiguous();
    const auto predicted = shifts[k].index_select(0, which);
    const auto effects = carried->shift(forget, own).index_select(0, which);
    result.of_set.push_back(
        change_by_effects(of_f, predicted, effects, within, labels, experiment.workers()));
  }
  return result;
}

}  // namespace expunge
