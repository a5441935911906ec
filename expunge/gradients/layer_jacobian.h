// One layer's part of the rows of a LogitJacobian. Internal.
#pragma once

#include <torch/types.h>

#include <memory>

#include "expunge/gradients/kronecker_curvature.h"
#include "expunge/gradients/layer_rows.h"

namespace expunge {

class LayerJacobian {
 public:
  virtual ~LayerJacobian() = default;
  /// gram (R, R) += J M^-1 J', J the layer's columns.
  virtual void add_gram(torch::Tensor& gram) const = 0;
  /// Writes M^-1 J' c, c (R), to the gradients of the layer's parameters.
  virtual void write_transposed_times(const torch::Tensor& coefficients) const = 0;
};

/// For layers that have parameters: linear, convolution, BatchNorm; Error for another one. `samples`
/// (R): the sample of each row, in increasing order. The three must outlive the result; `factors` may
/// be nullptr (M the identity).
std::unique_ptr<LayerJacobian> layer_jacobian(const LayerRows& rows, const torch::Tensor& samples,
                                              const KroneckerCurvature::Factors* factors);

}  // namespace expunge
