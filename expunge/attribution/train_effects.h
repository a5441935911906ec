// The datamodel matrix of the training set on itself, and its principal components.
//
// Matrix. N subset models with masks M (N, n) and margins of the n training examples, which less
// their means over models are Y (N, n); A = M - alpha, alpha the mean of all masks. Plain ridge
// regression (subset_datamodels.h, EffectPrior::none) of example j's margin on the masks gives the
// effects A' G^-1 y_j, G = A A' + lambda I. With W = G^-1 Y
//     B[i, j] = a_i' w_j for i != j,  B[i, i] = 0:
// the effect of training example i on example j's margin, in nats. A model's effects on single
// examples are not independent of each other: rows of B that look alike are examples that teach
// the same, and the components of B are the directions along which most is taught.
//
// A principal component is a left singular vector u of B, not centred, over the examples that act
// (i); those with the largest entries of the first one act together on the same margins. This is
// how the forget sets of Georgiev et al. (arXiv 2410.23232) are drawn that are not at random.
//
// Cost. B is never formed: with d_i = a_i' w_i,
//     B x = A' (G^-1 (Y x)) - d o x,   B'x = Y' (G^-1 (A x)) - d o x,
// 4 N n operations a column each. Fit: N^3/3 for the factorisation and 2 N^2 n for d. All in
// float64, block by block, so that masks and margins may be mapped files.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

#include "expunge/attribution/effect_options.h"
#include "expunge/attribution/lambda_choice.h"
#include "expunge/attribution/singular_vectors.h"

namespace expunge {

class TrainEffects {
 public:
  /// masks (N, n) bool, margins (N, n) float32 in nats, of the training examples in the masks'
  /// order. Neither is copied if contiguous, and both are read again by every product. InputError
  /// for shapes or dtypes that do not fit, and names an example that every model saw, or none,
  /// whose effects nothing tells; NonFiniteError; OptionError.
  static TrainEffects fit(const torch::Tensor& masks, const torch::Tensor& margins,
                          const EffectOptions& options = {});

  /// B x and B'x, (n, k) float64, for x (n, k) float64.
  [[nodiscard]] torch::Tensor times(const torch::Tensor& x) const;
  [[nodiscard]] torch::Tensor transposed_times(const torch::Tensor& x) const;

  /// The component-th singular triplet of B. The sign is such that the entries of `left` sum to a
  /// positive number; where their sum is 0 up to rounding, such that the entry of largest size is
  /// positive. Throws as singular_triplet() does.
  [[nodiscard]] SingularTriplet principal_component(int64_t component) const;

  /// How much of a component is the training set's and how much the noise of these models:
  /// |cosine| of its left vectors by the first N / 2 models and by the others, each fitted by
  /// itself with the same ratio of the penalty. 1: they agree; about (2 / (pi n))^(1/2): they have
  /// nothing in common. A singular value that stands apart is no sign of agreement: what all
  /// margins of a model share, its good or bad luck, makes one too. Empty where a half cannot be
  /// fitted or has no such component.
  [[nodiscard]] std::optional<double> agreement_of_halves(int64_t component) const;

  [[nodiscard]] int64_t n() const { return masks_.size(1); }
  [[nodiscard]] const LambdaChoice& lambda_choice() const { return lambda_; }
  /// Mean of all masks.
  [[nodiscard]] double alpha() const { return alpha_; }

 private:
  TrainEffects(torch::Tensor masks, torch::Tensor margins, const EffectOptions& options);
  static TrainEffects fit_any(const torch::Tensor& masks, const torch::Tensor& margins,
                              const EffectOptions& options);
  void find_means();
  void find_diagonal();
  // Rows begin ... end - 1 and columns first ... last - 1 of A or Y, float64.
  using Part = torch::Tensor (TrainEffects::*)(int64_t begin, int64_t end, int64_t first,
                                               int64_t last) const;
  [[nodiscard]] torch::Tensor design(int64_t begin, int64_t end, int64_t first, int64_t last) const;
  [[nodiscard]] torch::Tensor centred(int64_t begin, int64_t end, int64_t first,
                                      int64_t last) const;
  // right' G^-1 left x - d o x.
  [[nodiscard]] torch::Tensor product(Part left, Part right, const torch::Tensor& x) const;

  torch::Tensor masks_;
  torch::Tensor margins_;
  EffectOptions options_;
  double alpha_ = 0;
  LambdaChoice lambda_;
  torch::Tensor means_;     // of the margins over models (n) float64
  torch::Tensor factor_;    // L with G = L L' (N, N) float64
  torch::Tensor diagonal_;  // d (n) float64
};

}  // namespace expunge
