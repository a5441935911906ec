// The inverse of a damped second moment, and products with it.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace expunge {

/// M = X'X / count + damp mean(diag X'X / count) I, inverted; X (N, d) float32 or float64.
///
/// Where N < d the inverse is held in the form of Woodbury's identity,
/// M^-1 = (I - X' (X X' + c I)^-1 X) / e with e = damp mean(diag X'X / count), c = count e, so that
/// neither the inverse nor a product of n rows with it costs d^2 an entry.
class DampedMoment {
 public:
  /// count > 0 divides the sum over rows (it may differ from N: rows of one sample are summed).
  /// damp > 0. NonFiniteError if X is not finite. X'X = 0 makes M the identity.
  DampedMoment(const torch::Tensor& rows, int64_t count, double damp);

  /// B M^-1 (k, d) for B (k, d) of X's dtype, rows contiguous.
  [[nodiscard]] torch::Tensor divide(const torch::Tensor& b) const;

 private:
  torch::Tensor rows_;     // X, undefined if the inverse is held whole
  torch::Tensor inverse_;  // M^-1 (d, d), or (X X' + c I)^-1 (N, N)
  double ridge_ = 1;       // e
};

}  // namespace expunge
