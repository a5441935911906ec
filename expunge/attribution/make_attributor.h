// Any estimator by its options.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "expunge/attribution/attribution_options.h"
#include "expunge/attribution/attributor.h"
#include "expunge/attribution/carried_effects.h"
#include "expunge/core/progress.h"

namespace expunge {

/// The estimator that the options name, fitted. masks (N, n) bool, logits (N, m, C) float16 or float32
/// in nats, the first n of the m points the training set; neither is copied. `workers`: threads, 0 for
/// one a processor, in place of the options' own. carried: the kernel fitted, which Estimator::carried
/// needs (OptionError without it) and Estimator::automatic takes where it is given. Throws as
/// SubsetDatamodels::fit() and LassoDatamodels::fit() do.
std::unique_ptr<Attributor> make_attributor(const AttributionOptions& options,
                                            const torch::Tensor& masks, const torch::Tensor& logits,
                                            const CarriedEffects* carried = nullptr,
                                            int64_t workers = 0, ProgressSink* progress = nullptr);

}  // namespace expunge
