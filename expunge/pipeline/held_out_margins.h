// Cross-fitting: what datamodels say of subset models that took no part in their fit.
//
// A subset model's mask leaves out a set O of training examples: it is an oracle for O. Datamodels fitted
// to the other folds predict the shift of O, hence the mean margin of full models after it, at each
// point that the model did not see: the examples of O, and the validation points.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/attribution/attribution_options.h"
#include "expunge/attribution/carried_effects.h"

namespace expunge {

/// masks (N, n) bool, logits (N, m, C) of subset models, full_logits (Nf, m, C), labels (m) int64 -> (N, m)
/// float32, nats: the predicted margin of each point that the model did not see, elsewhere NaN, and NaN for an
/// example that the models of the other folds all saw, so that nothing tells its effect. Model i is in fold k
/// if N k / folds <= i < N (k + 1) / folds. Costs `folds` fits and N Nf (m - alpha n) margins. InputError,
/// OptionError and NonFiniteError as make_attributor() throws them; `carried` as there.
torch::Tensor held_out_margins(const torch::Tensor& masks, const torch::Tensor& logits,
                               const torch::Tensor& full_logits, const torch::Tensor& labels,
                               const AttributionOptions& options, const CarriedEffects* carried,
                               int64_t folds, int64_t workers);

}  // namespace expunge
