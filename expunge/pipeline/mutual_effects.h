// What the examples of a forget set do to each other's margins.
#pragma once

#include <string>
#include <vector>

#include "expunge/attribution/carried_effects.h"
#include "expunge/pipeline/experiment.h"

namespace expunge {

struct MutualEffects {
  /// For each forget set (|F|) float32, nats, in its order: the mean change of the full models' margins by what
  /// the other examples of F do (attribution/carried_effects.h, own effects by RidgeOptions' default). Empty where
  /// they could not be told.
  std::vector<torch::Tensor> of_set;
  std::string missing;  // why not, in a sentence; empty where they are there
};

/// From the finished stores subset/ and full/. shifts[k]: (m, C) float32, logits, the predicted shift of set
/// k. carried: what made the shifts, where they hold these effects already (Estimator::carried); else nullptr,
/// it is fitted here, and the effects come on top. None for more than 10,000 training examples, whose kernel
/// takes n^2 float64, or where the full models' weights were not kept. Throws as carried_effects() and
/// SubsetDatamodels do.
MutualEffects mutual_effects(const Experiment& experiment, const std::vector<torch::Tensor>& shifts,
                             const CarriedEffects* carried);

/// (|F|) float32, nats: the change of the models' mean margins by effects on their logits. logits (Nf, |F|, C) of
/// the full models on F, predicted (|F|, C) its shift, effects (|F|, C) what of it, or where not `within` beside
/// it, the others of F do; labels (|F|) int64. Throws as shifted_margins() does.
torch::Tensor change_by_effects(const torch::Tensor& logits, const torch::Tensor& predicted,
                                const torch::Tensor& effects, bool within,
                                const torch::Tensor& labels, int64_t workers);

}  // namespace expunge
