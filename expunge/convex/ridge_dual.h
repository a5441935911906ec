// Ridge regression with fewer examples than features: the n x n form.
//
// With u_i = z_i the features of example i in fixed coordinates and K = u u', the optimum of J_S (ridge.h) is
// theta = u' alpha with
//   [K + lambda W^-1  1] [alpha]   [y]
//   [1'               0] [b    ] = [0]      (without the intercept: the upper left block alone).
// Removing F is removing its rows and columns. With M the inverse of the whole matrix and z = M [y; 0],
//   z_R = z - M_(:,F) M_FF^-1 z_F
// solves what is left, and is 0 at F: f solves with the factor, n^2 f, and an f x f system.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

#include "expunge/convex/ridge.h"

namespace expunge {

class RidgeDual {
 public:
  /// n^2 d / 2 + n^3 / 3. Coordinates are those of S (Standardise::fixed) or none; InputError for
  /// Standardise::again, under which every element of K changes, for weights that are not positive, and
  /// for what RidgeState::fit() refuses.
  static RidgeDual fit(const Table& table, const LinearOptions& options);

  /// The same as RidgeState::theta(): (d + 1, k).
  [[nodiscard]] torch::Tensor theta() const { return theta_of(solution_); }
  /// The optimum on R, (d + 1, k). InputError as RidgeRemoval::of().
  [[nodiscard]] torch::Tensor theta_without(std::span<const int64_t> forget) const;
  [[nodiscard]] LinearModel model() const { return LinearModel::from(theta(), coordinates_); }
  [[nodiscard]] const Coordinates& coordinates() const { return coordinates_; }

 private:
  RidgeDual() = default;
  /// M b for b (n or n + 1, c).
  [[nodiscard]] torch::Tensor inverse_times(const torch::Tensor& b) const;
  [[nodiscard]] torch::Tensor theta_of(const torch::Tensor& solution) const;

  LinearOptions options_;
  Coordinates coordinates_;
  torch::Tensor features_;  // (n, d)
  torch::Tensor solution_;  // (n + 1, k): alpha, then b
  Cholesky factor_;         // of K + lambda W^-1
  torch::Tensor ones_;      // (K + lambda W^-1)^-1 1, (n, 1)
};

}  // namespace expunge
