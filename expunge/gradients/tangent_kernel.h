// The tangent kernel of a network between all points: which of them training moves together.
//
// K_xy = sum over classes c of (d z_c(x) / d theta) . (d z_c(y) / d theta), z the logits (the empirical
// neural tangent kernel of Jacot et al., arXiv 1806.07572, summed over classes). By layers:
//   linear                   (a(x) . a(y)) (sum over c of g_c(x) . g_c(y)), a what it was given, g the gradient of
//                            its outputs: without ever forming a weight's gradient
//   convolution, BatchNorm   products of the weights' gradients of all such layers together
// Where numbers of a point (C of g, or C weights' gradients) are more than `features`, sketches of
// that many stand for them, independent ones for each class (sign_sketch.h). They keep K in expectation; the error of
// effects carried over (attribution/carried_effects.h) falls as (n / (models x features))^(1/2)
// (docs/experiments/model-count.md).
//
// Legend: m points, C classes.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/train/network.h"

namespace expunge {

struct TangentKernelOptions {
  int64_t features = 32768;  // most numbers a point: of a linear layer, of all others; 0: no limit
  uint64_t seed = 0;         // of the sketches
  int64_t workers = 0;       // threads on the CPU; 0 for one a processor
};

/// K (m, columns) float32 on the CPU, for inputs (m, ...) on the network's device, the first `columns` of which are y;
/// Mode::eval. The same for any number of workers. Cost: C backward passes over all points and
/// m columns (features + sizes of the linear layers) multiplications; all points' features are held
/// at a time. InputError unless 0 < columns <= m; NonFiniteError; Interrupted.
torch::Tensor tangent_kernel(const LayeredNetwork& network, const torch::Tensor& inputs,
                             int64_t columns, const TangentKernelOptions& options = {});

}  // namespace expunge
