// What a matching will cost, told before it is run.
#pragma once

#include <cstdint>

#include "expunge/unlearn/target_matching.h"

namespace expunge {

/// Sample gradients that TargetMatching takes for a forget set of `forget` of n examples with `classes` logits: what
/// its UnlearnSummary will say. 0 < forget < n, classes > 1.
double matching_cost(const MatchingOptions& options, int64_t forget, int64_t n, int64_t classes);

}  // namespace expunge
