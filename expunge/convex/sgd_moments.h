// SGD on a least-squares objective, solved: the second moment of its error, step by step, and its limit.
//
// The objective is the mean over i of f_i(theta) = 1/2 |y_i - theta' z_i|^2 + 1/2 theta' P theta, P diagonal;
// H_i = z_i z_i' + P, H their mean, theta_* its minimiser, r_i = y_i - theta_*' z_i (k). A step takes B examples,
// drawn with replacement, and a constant step s. Of e_t = theta_t - theta_* let m_t = E e_t (p, k) and
// S_t = E e_t e_t' (p, p). Then, without approximation (docs/theory.md, proposition 3),
//   m+ = (1 - s H) m,
//   S+ = S - s (H S + S H) + s^2 [N / B + (1 - 1/B) H S H],
//   N  = mean_i E|z_i' e - r_i|^2 z_i z_i' - b b' + G m b' + b m' G + P S G + G S P + P S P,
// where G is the mean of z_i z_i', b = P theta_*, and E|z_i' e - r_i|^2 = z_i'S z_i - 2 z_i' m r_i + |r_i|^2.
// Without residuals and penalty (matching) N vanishes with S: no noise at the solution. Otherwise S tends to
//   S_inf = S_inf - s (H S + S H) + s^2 [...],   tr S_inf = s / (2 B) tr(H^-1 C) + O(s^2),   C = N at S = 0.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

#include "expunge/convex/linear_iteration.h"

namespace expunge {

/// The mean of f_i over n rows.
struct LeastSquares {
  torch::Tensor z;        // (n, p) float64, contiguous; weights as their roots in z and y
  torch::Tensor y;        // (n, k)
  torch::Tensor penalty;  // (p): the diagonal of P

  [[nodiscard]] torch::Tensor gradient(const torch::Tensor& theta) const;  // (p, k)
  [[nodiscard]] torch::Tensor hessian() const;                             // (p, p)
};

class SgdMoments {
 public:
  /// `theta` (p, k) minimises the objective. InputError unless batch >= 1.
  SgdMoments(const LeastSquares& objective, const torch::Tensor& theta, int64_t batch);

  /// E|e_t|^2 = tr S_t at each t of `times`, from a fixed error (p, k). n p^2 multiply-adds twice a step.
  [[nodiscard]] std::vector<double> squared_distances(const torch::Tensor& error, double step,
                                                      std::span<const int64_t> times) const;
  /// The same to first order in the step: every eigenvector by itself, with the additive noise only. p^2 once.
  [[nodiscard]] std::vector<double> first_order(const torch::Tensor& error, double step,
                                                std::span<const int64_t> times) const;
  /// tr S_inf, by S <- L^-1(s^2 [...]) with L(S) = s (H S + S H), which contracts by s L_B / 2. Error if
  /// step >= 2 / L_B.
  [[nodiscard]] double stationary(double step) const;
  /// s / (2 B) tr(H^-1 C), over the directions in which H is not 0.
  [[nodiscard]] double first_order_stationary(double step) const;

  /// L_B = (max |z_i|^2 + max P) / B + (1 - 1/B) lambda_max: E H_batch^2 <= L_B H.
  [[nodiscard]] double smoothness() const { return smoothness_; }
  /// Smallest eigenvalue of H that is not 0.
  [[nodiscard]] double strong_convexity() const { return spectrum_.smallest_positive(); }
  [[nodiscard]] double largest() const { return spectrum_.largest(); }
  /// tr C / B: E|batch gradient|^2 at theta_*.
  [[nodiscard]] double noise() const { return noise_trace_ / static_cast<double>(batch_); }
  [[nodiscard]] const LinearIteration& spectrum() const { return spectrum_; }

  /// Without noise: E|e_{t+1}|^2 <= this times E|e_t|^2 for step <= 2 / L_B: 1 - s mu (2 - s L_B).
  [[nodiscard]] double interpolation_factor(double step) const;
  /// With noise, step <= 1 / (2 L_B): E|e_t|^2 <= (1 - s mu)^t |e_0|^2 + this: 2 s noise / mu
  /// (Garrigos, Gower, Handbook of convergence theorems, arXiv 2301.11235, theorem 5.8, for batches).
  [[nodiscard]] double ball_bound(double step) const;

 private:
  /// S and m, one step on.
  void advance(torch::Tensor& s, torch::Tensor& m, double step) const;
  /// [N / B + (1 - 1/B) H S H] at S and m; m undefined for 0.
  [[nodiscard]] torch::Tensor second_order(const torch::Tensor& s, const torch::Tensor& m) const;

  torch::Tensor z_, residuals_, penalty_, gram_, hessian_, bias_;
  int64_t batch_;
  LinearIteration spectrum_;
  torch::Tensor noise_;  // C (p, p)
  double noise_trace_ = 0;
  double smoothness_ = 0;
};

}  // namespace expunge
