// The examples of an unlearning task: R, random draws, rows of arrays. Internal.
#pragma once

#include <span>
#include <vector>

#include "expunge/core/random.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

/// Throws InputError unless the forget set is not empty, without repetition, and leaves R.
void check_forget(const UnlearnTask& task);

/// R in increasing order.
std::vector<int64_t> retained_examples(const UnlearnTask& task);

/// `count` members of `from`, without repetition (all of them if there are fewer), order random.
std::vector<int64_t> draw(const std::vector<int64_t>& from, int64_t count, CounterRng& rng);

/// Rows `indices` of x.
torch::Tensor rows(const torch::Tensor& x, std::span<const int64_t> indices);

}  // namespace expunge
