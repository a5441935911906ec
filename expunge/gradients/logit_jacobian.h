// Rows of the Jacobian of a network's logits, and products with them.
//
// A row is the gradient, with respect to all p parameters, of v . z(x): one direction v in the space
// of the C logits, for one sample x, in Mode::eval (BatchNorm by its running statistics, so that a
// sample's logits depend on that sample alone). P: samples; R: rows.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>

#include "expunge/gradients/kronecker_curvature.h"
#include "expunge/train/network.h"

namespace expunge {

/// J (R, p). Of a LayeredNetwork it is never formed: each layer's part of a row is made of the layer's
/// inputs and output gradients (the empirical neural tangent kernel of Jacot et al., arXiv 1806.07572,
/// in the layer form of Novak et al., arXiv 2206.08720):
///   linear       g a' for the weight, g for the bias
///   convolution  the sum over positions of g times the patch that it saw, in blocks of channels
///   BatchNorm    sums over positions of g times the normalised input, and of g
/// Of any other network the rows are held, by one backward pass each.
///
/// Products are with M^-1 in between, M the curvature, or the identity without one.
class LogitJacobian {
 public:
  /// The network must stay as it is while rows are added. The curvature, if there is one, is of this
  /// network and must outlive the Jacobian.
  explicit LogitJacobian(Network& network, const KroneckerCurvature* curvature = nullptr);
  LogitJacobian(LogitJacobian&&) noexcept;
  ~LogitJacobian();

  /// Samples: a forward pass over inputs (P, ...); returns logits (P, C) of their own memory. May be
  /// called again for further samples, after add().
  torch::Tensor forward(const torch::Tensor& inputs);
  /// q rows for each sample of the last forward(), ordered by sample: directions (P, q, C). q backward
  /// passes. Once for each forward().
  void add(const torch::Tensor& directions);

  /// J M^-1 J' (R, R), of the network's dtype.
  [[nodiscard]] torch::Tensor gram() const;
  /// M^-1 J' c (p), in the order of the network's parameters, for coefficients c (R). Overwrites the
  /// network's gradient. Error if c has another shape.
  [[nodiscard]] torch::Tensor transposed_times(const torch::Tensor& coefficients) const;

  /// How the rows are held. Internal.
  class Rows;

 private:
  std::unique_ptr<Rows> rows_;
};

/// Directions (P, C, C) that ask for every logit of P samples.
torch::Tensor all_logits(int64_t samples, int64_t classes, const torch::TensorOptions& options);

}  // namespace expunge
