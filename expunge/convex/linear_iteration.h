// Gradient methods on quadratics, solved: where theta_t is, without taking the steps.
//
//   theta_{t+1} = theta_t - step (Q theta_t - q),   e_t = theta_t - theta_*,   drift = q - Q theta_*:
//   e_{t+1} = (1 - step Q) e_t + step drift.
// In the eigenvectors of the symmetric Q, with a = 1 - step lambda_j:
//   e_t = a^t e_0 + step (1 + a + ... + a^(t-1)) drift.
// Equality, no bound. On the retain objective and on the matching objective drift = 0, and the error falls by
// max |a| a step in the end; under ascent-descent Q = H_R - weight H_F, and drift leads elsewhere.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <vector>

namespace expunge {

class LinearIteration {
 public:
  /// Q (p, p) symmetric float64.
  explicit LinearIteration(const torch::Tensor& q);

  /// |e_t|, Frobenius, at each t of `times`, from e_0 (p, k) with drift (p, k), which may be undefined
  /// for none.
  [[nodiscard]] std::vector<double> distances(const torch::Tensor& error,
                                              const torch::Tensor& drift, double step,
                                              std::span<const int64_t> times) const;
  /// max |1 - step lambda_j| over the directions in which e_0 is more than rounding: the factor that |e_t|
  /// falls by in the end, without drift.
  [[nodiscard]] double final_factor(const torch::Tensor& error, double step) const;

  [[nodiscard]] double largest() const { return values_.back(); }
  [[nodiscard]] double smallest() const { return values_.front(); }
  /// Smallest eigenvalue above rounding of the largest; 0 if there is none.
  [[nodiscard]] double smallest_positive() const;
  /// Ascending.
  [[nodiscard]] const std::vector<double>& values() const { return values_; }
  /// Columns are eigenvectors, in the order of values().
  [[nodiscard]] const torch::Tensor& vectors() const { return vectors_; }

 private:
  std::vector<double> values_;
  torch::Tensor vectors_;
};

/// 0 and about `count` times up to `last`, denser at the beginning, ascending.
std::vector<int64_t> recorded_times(int64_t last, int64_t count);

/// What |e_t| falls by a step, as -ln of the factor: the slope between two times, by the values there. The
/// window is the later half of the values above `floor` times the first one; 0 if there are fewer than two.
double decay_rate(std::span<const int64_t> times, std::span<const double> distances,
                  double floor = 1e-10);

}  // namespace expunge
