// The estimator that the options name, fitted to subset models.
#pragma once

#include <torch/types.h>

#include <memory>

#include "expunge/attribution/attribution_options.h"
#include "expunge/attribution/attributor.h"

namespace expunge {

/// masks (N, n) bool, logits (N, m, C) float16 or float32, as the estimators' own fit() says, which also
/// says what is thrown. `workers`: threads, 0: one a processor; the result does not depend on it.
std::unique_ptr<Attributor> fit_attributor(const torch::Tensor& masks, const torch::Tensor& logits,
                                           const AttributionOptions& options, int64_t workers);

}  // namespace expunge
