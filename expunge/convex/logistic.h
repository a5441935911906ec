// Logistic regression with a penalty, by Newton's method.
//
// On a set T of examples with weights w, in coordinates z (features and a 1):
//   J_T(theta) = sum_{i in T} w_i loss(theta' z_i, y_i) + lambda/2 |theta|^2 + <b, theta>,
// the intercept not penalised unless asked for, b = 0 unless given (certified.h). Two classes have one column,
// the logit of class 1; more have a column each, loss = logsumexp - logit of the label, and the columns of the
// optimum sum to 0, which the penalty decides.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

struct LogisticOptions {
  double lambda = 1;                 ///< > 0
  bool intercept = true;             ///< a constant beside the features
  bool intercept_penalised = false;  ///< as the features are
  /// The gradient's norm at which to stop, as a share of the largest that it could have, sum of w |z|.
  double tolerance = 1e-13;
  int64_t most_steps = 200;  ///< Newton steps

  void validate() const;
};

/// J_T, its gradient and its Hessian. Tensors of coefficients are (q, k), q = d + 1 columns of z, k = 1 for
/// two classes and else their number.
class LogisticObjective {
 public:
  /// `z` (n, d + 1), last column 1, from design_matrix() without weights; labels (n) int64 in [0, classes);
  /// weights (n), 0 for examples that are not in T.
  LogisticObjective(torch::Tensor z, torch::Tensor labels, int64_t classes, torch::Tensor weights,
                    const LogisticOptions& options);

  /// The same objective with other weights: of R, where those of F are 0.
  [[nodiscard]] LogisticObjective weighted(torch::Tensor weights) const;
  /// The same with b (d + 1, k).
  [[nodiscard]] LogisticObjective tilted(torch::Tensor b) const;

  [[nodiscard]] int64_t columns() const { return classes_ == 2 ? 1 : classes_; }
  [[nodiscard]] int64_t rows() const { return z_.size(1); }
  [[nodiscard]] torch::Tensor zero() const;
  [[nodiscard]] double value(const torch::Tensor& theta) const;
  [[nodiscard]] torch::Tensor gradient(const torch::Tensor& theta) const;
  /// H(theta) v, (d + 1, k).
  [[nodiscard]] torch::Tensor hessian_times(const torch::Tensor& theta,
                                            const torch::Tensor& v) const;
  /// H(theta)^-1 g to a relative residual of `tolerance`: for two classes by Cholesky factorisation, for
  /// more by conjugate gradients, preconditioned with the Hessian of a class by itself, averaged over classes.
  /// Error if 2,000 iterations do not reach it.
  [[nodiscard]] torch::Tensor hessian_solve(const torch::Tensor& theta, const torch::Tensor& g,
                                            double tolerance = 1e-13) const;
  /// InputError, naming the class, if none of its examples has a weight above 0 and the intercept is free:
  /// there is no optimum, as that class's intercept falls without end.
  void require_every_class() const;
  /// Sum of w |z|: no gradient of the losses is larger by a factor above sqrt(2).
  [[nodiscard]] double gradient_scale() const;
  /// sqrt of what the penalty adds to the Hessian's diagonal, squared: lambda, and 0 for a free intercept.
  [[nodiscard]] const torch::Tensor& penalty() const { return penalty_; }
  [[nodiscard]] const torch::Tensor& design() const { return z_; }
  [[nodiscard]] const torch::Tensor& weights() const { return weights_; }
  [[nodiscard]] const LogisticOptions& options() const { return options_; }

 private:
  /// w times (probabilities minus the label's 1): (n, k).
  [[nodiscard]] torch::Tensor probabilities(const torch::Tensor& theta) const;

  torch::Tensor z_, labels_, targets_, weights_, penalty_, tilt_;
  int64_t classes_;
  LogisticOptions options_;
};

struct LogisticFit {
  torch::Tensor theta;       // (d + 1, k)
  int64_t steps = 0;         // Newton steps
  double gradient_norm = 0;  // Frobenius
};

/// The optimum by damped Newton steps from `start` (zeros if undefined): full ones where they lower the
/// objective enough (Armijo, 1e-4), halved until they do. Ends at the tolerance, or where rounding lets no
/// step lower the gradient any more. Error if it ends above 1e-7 of gradient_scale(); InputError for what
/// require_every_class() refuses.
LogisticFit minimise(const LogisticObjective& objective, const torch::Tensor& start = {});

/// What `theta`, the optimum on S, becomes without F, whose weights are 0 in `retained`:
/// one Newton step on J_R, theta - H_R^-1 grad J_R(theta) (Guo et al., arXiv 1911.03030, equation 3),
torch::Tensor newton_removal(const LogisticObjective& retained, const torch::Tensor& theta);
/// and the influence function's step, theta - H_S^-1 grad J_R(theta) (Koh, Liang, arXiv 1703.04730).
torch::Tensor influence_removal(const LogisticObjective& full, const LogisticObjective& retained,
                                const torch::Tensor& theta);

}  // namespace expunge
