// The tangent kernel of a network between all points: which of them training moves together.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/train/network.h"

namespace expunge {

/// K (m, columns) float32 on the CPU: K_xy = sum over classes of (d z_c(x) / d theta) . (d z_c(y) / d theta), z the
/// logits (the empirical neural tangent kernel of Jacot et al., arXiv 1806.07572, summed over classes).
/// inputs (m, ...), of which the first `columns` are y; Mode::eval. Overwrites the network's gradient.
/// Cost: C backward passes over all points and C products of m x m; m^2 numbers and all points'
/// activations are held at a time. InputError unless 0 < columns <= m.
torch::Tensor tangent_kernel(Network& network, const torch::Tensor& inputs, int64_t columns);

}  // namespace expunge
