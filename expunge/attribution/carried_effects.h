// What removing examples does to other points, carried over from what it does to themselves.
//
// Subset models tell each example's effect on itself. Its effect on every other point is below their noise,
// and yet, where a hundred examples go at once, the sum of these is what is left to predict: forgotten
// examples support each other. Which points share is told by the networks themselves, by their tangent
// kernel (gradients/tangent_kernel.h). How much is told by the subset models.
//
// Model. Kernel ridge regression on S with kernel K, ridge L and coefficients a: f(x) = K_xS a. With
// P = (K_SS + L I)^-1, leaving i out takes a_i (1 / P_ii - L) off its own value (the identity of leave-one-out
// residuals; Allen 1974), and removing F takes
//     K_xS P_SF (P_FF)^-1 a_F
// off the value at x (block inverse; exact). The estimated effect on itself t_i = f(i) - f without i (i)
// therefore asks for a_i = t_i P_ii / (1 - L P_ii), which makes
//     c(x) = -sum over i in F, i != x, of [K_xS P_SF (P_FF)^-1]_i a_i
// what is added to the shift of every logit. Each example's own effect stays as it was measured. A kernel
// regression that fitted the logits would give the same, to rounding; here the effects come from real
// trainings, where first-order influence on trained networks is several times too small, and the kernel
// only shares them out. L = 0.03 of the mean diagonal of K_SS; 0.01 to 0.1 make no difference
// (docs/experiments/model-count.md).
//
// Legend: n training examples, m points (the training set first), C classes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

#include "expunge/attribution/attributor.h"
#include "expunge/attribution/subset_datamodels.h"

namespace expunge {

class CarriedEffects {
 public:
  /// kernel (m, n) float32, m >= n, its first n rows symmetric with a positive diagonal; kept, not copied.
  /// ridge: L as a share of their mean diagonal, above 0. InputError for another shape or dtype, or if
  /// K_SS + L I is not positive definite; NonFiniteError.
  /// Cost: n^3 operations, n^2 float64 in memory.
  static CarriedEffects fit(const torch::Tensor& kernel, double ridge = 0.03);

  /// c of all points, (m, C) float32, in logits. own (n, C) float32: t, in logits. InputError for a set that
  /// is empty, all of S, out of range or holds an index twice. Cost: m n |F|.
  [[nodiscard]] torch::Tensor shift(std::span<const int64_t> forget,
                                    const torch::Tensor& own) const;

 private:
  CarriedEffects() = default;
  torch::Tensor kernel_;     // K (m, n) float32
  torch::Tensor precision_;  // P (n, n) float64
  double ridge_ = 0;         // L
};

/// Subset datamodels whose effects on themselves are carried over to the other points.
class CarriedDatamodels final : public Attributor {
 public:
  CarriedDatamodels(SubsetDatamodels datamodels, CarriedEffects carried)
      : datamodels_(std::move(datamodels)), carried_(std::move(carried)) {}

  /// As Attributor and SubsetDatamodels say.
  [[nodiscard]] torch::Tensor removal_shifts(
      std::span<const std::vector<int64_t>> removals) const override;
  [[nodiscard]] const SubsetDatamodels& datamodels() const { return datamodels_; }

 private:
  SubsetDatamodels datamodels_;
  CarriedEffects carried_;
};

}  // namespace expunge
