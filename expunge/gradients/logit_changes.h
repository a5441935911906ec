// How logits change when all parameters move along a line.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/train/network.h"

namespace expunge {

/// d z(x; theta + t v) / dt at t = 0 for inputs (P, ...), Mode::eval: (K, P, C) float32 for K
/// directions v, the rows of `directions` (K, p). By central differences in float64, of a step
/// 1e-7 |theta| / |v|: two forward passes a direction, for any network, to about 1e-7 of the change
/// (kinks of ReLU within the step apart). Zero for v = 0. NonFiniteError if a logit is not finite.
///
/// The result does not depend on the number of workers (0: one a processor).
torch::Tensor logit_changes(const LayeredNetwork& network, const torch::Tensor& directions,
                            const torch::Tensor& inputs, int64_t workers = 0);

}  // namespace expunge
