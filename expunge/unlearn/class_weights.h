// Validation points as stand-ins for F: examples of the same classes that were never trained on.
#pragma once

#include <torch/types.h>

#include <span>

#include "expunge/train/problem.h"

namespace expunge {

/// (m - n) float64 weights of the validation points: those of a class together weigh as much as the
/// class does in F. Classes without a validation point are left out; all 0 if no class has one.
torch::Tensor class_weights(const Problem& problem, std::span<const int64_t> forget);

}  // namespace expunge
