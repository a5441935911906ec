// Datamodels: each evaluation point's logits as a linear function of the training-set mask, fitted
// by ridge regression on an ensemble of subset models (Ilyas et al., arXiv 2202.00622, with another
// estimator than theirs).
//
// Model. N subset models with masks M (N, n) and logits Z (N, m, C); A = M - alpha, alpha the mean
// of all masks. For evaluation point j and each class, y = Z_j - mean over models:
//     y = A beta_j + noise,  beta_j ~ Normal(0, D_j) in units in which the noise has variance
//     lambda.
// Removing F from a full model shifts its logits by -1_F' beta_j.
//
// By the dual. The posterior mean is beta_j = D_j A' (A D_j A' + lambda I)^-1 y. With G = A A' +
// lambda I (N x N), v = A 1_F, w = G^-1 v, D_j = I (EffectPrior::none):
//     1_F' beta_j = v' G^-1 y = w' y:
// one factorisation serves every point, class and forget set, and the n x m x C weights are never
// formed. For a point that is training example j itself, D_j = I + s e_j e_j'. With a = A e_j,
// A D_j A' + lambda I = G + s a a', whose inverse is, with q = G^-1 a and d = 1 + s a'q (Sherman and
// Morrison), G^-1 - s q q' / d. Since 1_F' D_j A' = v' + s [j in F] a',
//     1_F' beta_j = (v + s [j in F] a)' (G^-1 y - s q (q'y) / d)
//                 = w'y - (w'a) t + [j in F] t,   t = s (q'y) / (1 + s a'q),
// the last because a'G^-1 y - s (a'q)(q'y)/d = (q'y)/d. t is the estimate of j's effect on itself.
// For s -> infinity (EffectPrior::own) t = (q'y) / (a'q): the effect that makes the others' ridge
// regression agree with the data best, without any shrinkage. EffectPrior::adaptive takes that t and
// shrinks it afterwards (own_effect_shrinkage.h); its noise has variance v (q'q) / (a'q)^2, v the
// variance of y within the models that saw j and within those that did not. EffectPrior::local
// estimates t beside the logits of neighbouring points (local_effects.h), then shrinks it by at most 0.75 of its
// standard deviations. Neither strays further than 1.75 standard deviations from EffectPrior::own, which is unbiased.
//
// Cost. Fit: N^3/3 + N^2 n for the factorisation and q, and one pass over the logits of S. Each
// further forget set: one pass over all logits.
#pragma once

#include <torch/types.h>

#include <filesystem>

#include "expunge/attribution/attributor.h"
#include "expunge/attribution/fit_origin.h"
#include "expunge/attribution/lambda_choice.h"
#include "expunge/attribution/ridge_options.h"

namespace expunge {

class SubsetDatamodels final : public Attributor {
 public:
  /// masks (N, n) bool, logits (N, m, C) float16 or float32; the first n of the m points are the
  /// training set. Neither is copied (they may be mapped files) and both are read by
  /// removal_shifts(). InputError for shapes that do not fit, masks that are all alike, N < 2;
  /// NonFiniteError; OptionError.
  static SubsetDatamodels fit(const torch::Tensor& masks, const torch::Tensor& logits,
                              const RidgeOptions& options = {});

  /// Writes what does not depend on a forget set into `folder`: factor.npy (N, N) float64,
  /// own_effects.npy (n, C) float32, factors.json.
  void save(const std::filesystem::path& folder) const;
  /// What save() wrote, for the same masks, logits and options. InputError if the files are for
  /// others (by a digest of the masks, and of the logits' shape and a sample of them). `overwritten`: points'
  /// logits may have been overwritten since; their shifts mean nothing then, and all others are as they were.
  static SubsetDatamodels load(const std::filesystem::path& folder, const torch::Tensor& masks,
                               const torch::Tensor& logits, const RidgeOptions& options = {},
                               bool overwritten = false);
  /// Whether `folder` holds what save() writes.
  static bool is_saved(const std::filesystem::path& folder);

  /// As Attributor says. With the priors own and self, InputError names the first example of a
  /// removal set that every subset model saw, or none: its effect on itself is not identified.
  [[nodiscard]] torch::Tensor removal_shifts(
      std::span<const std::vector<int64_t>> removals) const override;

  [[nodiscard]] const LambdaChoice& lambda_choice() const { return lambda_; }
  /// Mean of all masks.
  [[nodiscard]] double alpha() const { return alpha_; }
  /// (n, C) float32: each training example's estimated effect on its own logits (t above; 0 with
  /// EffectPrior::none, where the ridge has no separate one).
  [[nodiscard]] const torch::Tensor& own_effects() const { return own_effects_; }
  /// s of EffectPrior::self.
  [[nodiscard]] double self_variance() const { return self_variance_; }

 private:
  SubsetDatamodels(torch::Tensor masks, torch::Tensor logits, const RidgeOptions& options);
  void estimate_own_effects();
  [[nodiscard]] torch::Tensor shrunk_local_effects() const;
  [[nodiscard]] FitOrigin origin() const;

  torch::Tensor masks_;
  torch::Tensor logits_;
  RidgeOptions options_;
  double self_variance_ = 0;
  double alpha_ = 0;
  LambdaChoice lambda_;
  torch::Tensor factor_;       // L with G = L L' (N, N) float64
  torch::Tensor own_effects_;  // (n, C) float32
};

}  // namespace expunge
