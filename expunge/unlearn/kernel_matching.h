// The kernel engine of target matching (formula: target_matching.h). Internal.
#pragma once

#include "expunge/unlearn/target_matching.h"

namespace expunge::matching {

UnlearnSummary match_by_kernel(Network& network, const UnlearnTask& task,
                               const KernelMatchingOptions& options, RetainTargets retain_targets);

}  // namespace expunge::matching
