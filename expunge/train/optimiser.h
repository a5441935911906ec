// Optimiser steps over a network's flat parameters: one pass over memory each.
#pragma once

#include <torch/types.h>

#include "expunge/train/recipe.h"

namespace expunge {

/// The formulas are those of OptimiserOptions.
class Optimiser {
 public:
  /// For a vector like `parameters` (p), float32 or float64, contiguous.
  Optimiser(const OptimiserOptions& options, const torch::Tensor& parameters);

  /// Changes parameters (p) by gradient (p) with the given learning rate.
  void step(torch::Tensor& parameters, const torch::Tensor& gradient, double learning_rate);

 private:
  OptimiserOptions options_;
  torch::Tensor first_;   // momentum, or mean gradient
  torch::Tensor second_;  // mean squared gradient
  int64_t steps_ = 0;
};

}  // namespace expunge
