// What the two matching engines share: checks, drawn examples and their targets. Internal.
#pragma once

#include <vector>

#include "expunge/core/random.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge::matching {

/// Throws InputError unless targets are finite (m, C), the forget set is not empty and leaves R.
void check_task(const UnlearnTask& task);

/// R in increasing order.
std::vector<int64_t> retained_examples(const UnlearnTask& task);

/// `count` members of `from`, without repetition (all of them if there are fewer), order random.
std::vector<int64_t> draw(const std::vector<int64_t>& from, int64_t count, CounterRng& rng);

/// Root mean square of target minus logit over the forget set.
double forget_error(const torch::Tensor& forget_logits, const UnlearnTask& task);

/// Rows `indices` of x.
torch::Tensor rows(const torch::Tensor& x, std::span<const int64_t> indices);

}  // namespace expunge::matching
