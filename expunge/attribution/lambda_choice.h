// Choosing the ridge penalty by prediction of subset models that were held out.
//
// The error is squared error of raw logits, summed over models, points and classes: normalising
// point by point, or maximising the marginal likelihood, prefers no effects at all, because most
// points' logits are noise and the few that matter are in the tail (docs/experiments/penalty.md).
#pragma once

#include <torch/types.h>

#include <vector>

#include "expunge/attribution/mask_gram.h"
#include "expunge/attribution/ridge_options.h"

namespace expunge {

/// Error of held-out logits at one penalty, as a share of the error of predicting their mean.
struct PenaltyError {
  double ratio = 0;  // lambda / (n alpha (1 - alpha))
  double relative_error = 0;
};

struct LambdaChoice {
  double lambda = 0;
  double ratio = 0;                 // lambda / (n alpha (1 - alpha))
  std::vector<PenaltyError> curve;  // by increasing ratio; empty where the options set lambda
};

/// The penalty that the options set; else, of 13 ratios from 0.1 to 100, the one with the least
/// error. The models are split into options.folds runs of consecutive rows, so that blocks of
/// balanced masks stay together; each is predicted from the others by the prior that the options
/// name.
///
/// masks (N, n) bool, logits (N, m, C) float16 or float32 with m >= n, self_variance: s of
/// EffectPrior::self. OptionError if fewer than 4 models are there to choose by; NonFiniteError.
LambdaChoice choose_lambda(const torch::Tensor& masks, const torch::Tensor& logits,
                           const MaskDesign& design, const RidgeOptions& options,
                           double self_variance);

}  // namespace expunge
