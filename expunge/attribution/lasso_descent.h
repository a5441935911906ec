// Coordinate descent for LASSO regressions, on a few columns or on all of them.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "expunge/attribution/lasso_design.h"

namespace expunge {

/// Coordinate descent on k columns with covariances q (k x k by rows), updating beta (k) and c (k),
/// the correlations of the residual with the columns. Ends when a sweep over all columns moves no
/// correlation by more than `precision`, or after `sweeps`; returns the sweeps made. Columns of
/// variance 0 stay as they are. `active` is scratch.
int64_t descend(const float* q, int64_t k, float lambda, float precision, int64_t sweeps,
                float* beta, float* c, std::vector<int32_t>& active);

/// Block coordinate descent on all columns for several targets at once, in runs of columns: matrix
/// products keep either the correlations (where the design holds all covariances) or the residuals
/// up to date. Every few sweeps each target's coefficients are extrapolated (Anderson acceleration;
/// Bertrand and Massias, arXiv 2011.10065) where that lowers its objective.
class JointDescent {
 public:
  /// targets (T, N) float32 whose rows sum to 0, their correlations with the columns and the
  /// coefficients to begin with, (T, n) float32 each, one penalty a target.
  JointDescent(const LassoDesign& design, torch::Tensor targets, torch::Tensor correlations,
               torch::Tensor coefficients, std::vector<double> lambdas);

  /// A few sweeps and an extrapolation; then the correlations from the coefficients again, so that
  /// rounding does not pile up.
  void run();

  /// (T, n) float32.
  [[nodiscard]] const torch::Tensor& coefficients() const { return beta_; }
  [[nodiscard]] const torch::Tensor& correlations() const { return correlations_; }

 private:
  void sweep();
  bool descend_on_run(int64_t first, int64_t count);
  void extrapolate();
  [[nodiscard]] double objective(int64_t t, const float* beta, const float* state) const;
  [[nodiscard]] torch::Tensor& state() { return held_ ? correlations_ : residuals_; }

  const LassoDesign& design_;
  bool held_;
  int64_t count_, n_;
  torch::Tensor targets_;
  torch::Tensor targets_correlations_;  // (T, n)
  std::vector<double> lambdas_;
  torch::Tensor beta_, residuals_, correlations_;
  torch::Tensor moves_;                        // (T, run)
  std::vector<float> covariances_;             // of each run of columns
  std::vector<torch::Tensor> betas_, states_;  // after each sweep of a round
  std::vector<float> c_;
  std::vector<int32_t> active_;
};

}  // namespace expunge
