// What each training example does to one evaluation point, and how sure that is.
//
// Model. Subset datamodels' (subset_datamodels.h), of one output of the point, its margin say: N
// models with masks M (N, n) and outputs y (N); A = M - alpha, a_i its columns.
//     y = mu + a_j t_j + A beta + noise,  beta ~ Normal(0, s^2 I), noise of variance lambda s^2,
// so that the outputs have covariance s^2 G, G = A A' + lambda I. t_j is there only if the point is
// training example j itself: its effect on itself has no prior (EffectPrior::own).
//
// Effect of example i. By generalised least squares, i's effect too taken without a prior, all others
// with theirs. With X = [1, a_j] (for i = j, and for points that are no training example, X = [1]) and
// P = G^-1 - G^-1 X (X'G^-1 X)^-1 X'G^-1,
//     effect_i = a_i'P y / p_i,  p_i = a_i'P a_i,
//     error_i^2 = (1 / p_i - 1) (y'P y - (a_i'P y)^2 / p_i) / f,  f = N - columns of X - 1,
// and under the model (effect_i - truth) / error_i is Student's t with f degrees of freedom. G holds
// a_i a_i' as if i had a prior as well: G = V + a_i a_i' with V of the others, for which effect and sum
// of squares are the same, while a_i'P_V a_i = p_i / (1 - p_i) (Sherman and Morrison). It is the
// mixed-model test of single markers in genetics (Kang et al., Genetics 178, 2008; here lambda is
// chosen on held-out models), and it is unbiased for random masks whatever lambda is, at the price
// of noise: of n effects the largest are large by luck too. Errors are right for the lambda chosen and
// for greater ones; a quarter of the right one makes 91% of intervals that claim 95% (the test).
//
// Shrunk effect. a_i'P y = effect_i p_i is the ridge's posterior mean, biased towards 0, which is
// the better guess of how the output moves if i goes: minus the removal shift of {i} by
// SubsetDatamodels with EffectPrior::own, exactly where masks are balanced (A'1 = 0), else up to a
// share of about 1 / N of it, because the plain mean stands for mu there. For i = j it is the effect.
//
// Sign. Positive: training on the example raises the output, it helps (as in evaluate/lds.h).
//
// What stands out. Of n effects that are all 0, the largest exceeds the threshold in at most 5% of
// points (Bonferroni): student_t_threshold(0.05 / n, f) standard errors.
//
// Cost. N^2 n for a_i'G^-1 a_i once, 3 N n for a point.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "expunge/attribution/effect_options.h"
#include "expunge/attribution/lambda_choice.h"

namespace expunge {

/// The effects of the n training examples on one point, in the output's unit (nats for margins).
struct PointEffects {
  int64_t point = 0;
  torch::Tensor effect;  // (n) float64
  torch::Tensor error;   // (n) float64, standard errors; infinite, with effects 0, for an example
                         // that the same models saw as the point itself
  torch::Tensor shrunk;  // (n) float64
  double mean = 0;       // of the outputs over models
  int64_t freedom = 0;   // degrees of freedom of effect / error (one more for the own effect)
  double threshold = 0;  // |effect| / error beyond which an effect stands out
  int64_t standing_out = 0;  // how many do

  [[nodiscard]] bool stands_out(int64_t example) const;
};

struct EffectsOnPoints {
  std::vector<PointEffects> points;  // in the order asked for
  LambdaChoice lambda;
  double alpha = 0;  // mean of all masks
};

/// masks (N, n) bool, outputs (N, m) float32 of the same N models, m >= n, the first n of the points
/// the training set; points: indices into the m. InputError for shapes or dtypes that do not fit, N
/// < 5, a point out of range, no point, and names an example that every model saw, or none;
/// NonFiniteError names model and point; OptionError.
EffectsOnPoints effects_on_points(const torch::Tensor& masks, const torch::Tensor& outputs,
                                  std::span<const int64_t> points,
                                  const EffectOptions& options = {});

/// The `count` examples with the largest effects, largest first, whose sign is that of `sign` (1 or
/// -1); fewer if there are no more. By shrunk effects, so that what is known poorly does not come
/// first; the point itself comes first where it is a training example and has that sign.
std::vector<int64_t> strongest_examples(const PointEffects& effects, int64_t count, int sign);

}  // namespace expunge
