// The gradient engine of target matching (target_matching.h). Internal.
#pragma once

#include "expunge/unlearn/target_matching.h"

namespace expunge::matching {

UnlearnSummary match_by_gradient(Network& network, const UnlearnTask& task,
                                 const GradientMatchingOptions& options,
                                 RetainTargets retain_targets);

}  // namespace expunge::matching
