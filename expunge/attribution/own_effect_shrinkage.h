// Shrinking estimated own effects by what the training set as a whole says of them.
//
// n: training examples; C: classes; t (n, C): each example's estimated effect on its own logits,
// unbiased, with noise of variance v (n, C).
//
// Most examples hardly act on themselves, a few act strongly, and which ones can be told from how
// surely the models fit them. So each effect is given a normal prior whose mean and variance are
// estimated, together with the noise, from its neighbours: the k examples that the models fit most
// alike. That is empirical Bayes (Robbins 1956; Efron and Morris, JASA 1973) with a local prior:
//     mu    = mean of the neighbours' t
//     tau^2 = max(0, mean of the neighbours' (t - mu)^2 - v)
//     t_j  <- mu + tau^2 / (tau^2 + v_j) (t_j - mu)
// for each class by itself, classes taken in the order of the example's mean logits, so that the
// class that an example is fitted to is compared with that of the others, the runner-up with the
// runners-up, and so on. No label is needed, and no number has to be chosen for a data set.
// Neighbours are nearest in the gap between the largest and the second-largest mean logit (with one
// class: in the mean logit); an example is not its own neighbour.
//
// The few that act far more strongly than their neighbours do (learnt by heart) would lose most of their effect
// to that prior, and they are the ones that matter when they are forgotten. Therefore no estimate is moved
// further than some of its standard deviations: limited translation (Efron and Morris, JASA 1971 and 1972).
// docs/experiments/own-effects.md has what that is worth.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

/// Everything float64, (n, C).
struct OwnEffectEstimates {
  torch::Tensor effect;       // t
  torch::Tensor variance;     // v, of the estimate; NaN or infinite where it is not identified
  torch::Tensor mean_logits;  // over the models that saw the example
};

/// The shrunk effects (n, C) float64, in O(n C) after sorting. Examples whose variance is not finite
/// keep their effect and are nobody's neighbours. Where fewer than two others are there to learn
/// from, effects stay as they are.
torch::Tensor shrink_own_effects(const OwnEffectEstimates& estimates, int64_t neighbours = 100);

/// shrunk (n, C) float64, each moved to within `deviations` standard deviations of its estimate t; those whose
/// variance is not finite as they are.
torch::Tensor limit_translation(const torch::Tensor& shrunk, const OwnEffectEstimates& estimates,
                                double deviations);

}  // namespace expunge
