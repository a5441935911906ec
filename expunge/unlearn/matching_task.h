// What the two matching engines share: the check of a task with targets. Internal.
#pragma once

#include "expunge/unlearn/unlearner.h"

namespace expunge::matching {

/// Throws InputError unless targets are finite (m, C), the forget set is not empty and leaves R.
void check_task(const UnlearnTask& task);

/// Root mean square of target minus logit over the forget set.
double forget_error(const torch::Tensor& forget_logits, const UnlearnTask& task);

}  // namespace expunge::matching
