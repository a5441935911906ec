// Each training example's effect on itself, with what a model does to its neighbourhood taken out.
//
// A subset model differs from the others by more than its mask: its seed decides where its decision
// boundaries run. Points that the models treat alike share that luck. An example's logits are therefore
// compared with those of the points nearest to it in the same model: what moves them all is luck, what
// moves the example alone, when it was left out, is its effect on itself. In statistics these points are
// control variates (covariates that the treatment, a random mask, hardly touches).
//
// Formula. As in subset_datamodels.h: y (N) the example's logit of a class less its mean over models, a its
// column of the masks less alpha, G = A A' + lambda I. X (N, k C): logits of the k nearest points, less their
// means over models. They have normal coefficients,
//     y = a t + A beta + X gamma + noise,   gamma ~ Normal(0, w lambda N / |X|^2 I),
// |X|^2 the sum of all squares, so that neighbours explain w times as much variance as noise does. With
//     H = G + (w lambda N / |X|^2) X X',   q = H^-1 a:
//     t = q'y / (a'q),   var t = (y'H^-1 y - (q'y)^2 / (a'q)) / ((N - 2) a'q):
// generalised least squares (Aitken 1935), H known up to a factor, which the residuals tell (where luck is
// much more than w times the noise, the variance comes out too large). X = 0 is
// EffectPrior::own. Nearest are the points with the least squared distance of mean logits, each point's
// less their mean over classes; an example is not its own neighbour, of equal ones the first count.
// k = 30 and w = 3 were chosen on images, seeds and forget sets that no reported figure uses
// (docs/experiments/model-count.md).
//
// An example that is left out takes a little of its neighbours with it, so that t comes out 5 to 18 percent too
// small, most where 30 neighbours are much of a class; more than half of the noise goes
// (docs/experiments/own-effects.md#examples-learnt-by-heart).
//
// Legend: N subset models, n training examples, m points (the training set first), C classes.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "expunge/attribution/own_effect_shrinkage.h"

namespace expunge {

struct LocalEffectOptions {
  int64_t neighbours = 30;  // k; all other points where there are fewer
  double weight = 3;        // w
  int64_t workers = 0;      // threads, 0: one a processor; the result does not depend on it
};

/// t, its variance (infinite where all models saw the example, or none, or fewer than 3 are there) and its
/// mean logits over the models that saw it. masks (N, n) bool, logits (N, m, C) float16 or float32, both
/// contiguous; gram (N, N) float64: G; lambda > 0. NonFiniteError names a logit.
///
/// Cost: N^2 k C + N^3 / 3 operations an example, and n m C for the search.
OwnEffectEstimates local_own_effects(const torch::Tensor& masks, const torch::Tensor& logits,
                                     const torch::Tensor& gram, double lambda,
                                     const LocalEffectOptions& options = {});

}  // namespace expunge
