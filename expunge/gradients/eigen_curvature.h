// The curvature of a network's loss in the eigenbases of its Kronecker factors: EK-FAC.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "expunge/gradients/layer_rows.h"
#include "expunge/train/network.h"

namespace expunge {

/// M, an approximation of the mean over samples of h h', h the gradients of v . z(x) for directions v in
/// the space of the logits (of the Fisher matrix, where v = p - e_y with y drawn from p = softmax(z)).
/// Block by block, one a layer (George et al., arXiv 1806.03884; Grosse et al., arXiv 2308.03296,
/// section 2.2):
///   linear, convolution  (QG x QA) diag(values) (QG x QA)', QA and QG the eigenvectors of the second
///                        moments of what the weights multiply (1 appended for the bias; patches of a
///                        convolution) and of the output gradients, values the means of the squared
///                        gradients of samples in that basis
///   BatchNorm            the diagonal; Mode::eval, by the running statistics
/// Each block is damped by `damp` times its mean value, added to all of them.
class EigenCurvature {
 public:
  /// Directions (P, q, C) of the samples first ... first + P, given their logits (P, C).
  using Directions = std::function<torch::Tensor(const torch::Tensor& logits, int64_t first)>;

  /// inputs (N, ...) of the network's dtype; damp > 0. Two passes over the samples: eigenvectors, then
  /// values. Does not depend on the number of workers (0: one a processor). NonFiniteError if the network
  /// diverged.
  EigenCurvature(const LayeredNetwork& network, const torch::Tensor& inputs,
                 const Directions& directions, double damp, int64_t workers = 0);

  /// Replaces the gradients of the parameters of the layers that rows were added for by M^-1 times them.
  void divide_gradients(const RowCollector& rows) const;

  /// Rows turned into the eigenbases, as products need them.
  struct Turned {
    std::vector<torch::Tensor> inputs;  // by layer: linear (d, R), else undefined
    std::vector<torch::Tensor>
        gradients;  // linear (out, R), convolution (R, out d), BatchNorm (R, 2 c)
  };
  [[nodiscard]] Turned turned(const RowCollector& rows) const;

  /// left M^-1 right' (R left, R right). Values of a linear layer's that are below a thousandth of the
  /// damping are taken as 0, so that their part is an inner product: no term of the sum over the basis
  /// changes by more than a thousandth of itself.
  [[nodiscard]] torch::Tensor products(const Turned& left, const Turned& right) const;

 private:
  struct Block {
    LayerKind kind{};
    torch::Tensor inputs;     // QA (d, d)
    torch::Tensor gradients;  // QG (out, out)
    torch::Tensor values;     // (out, d); BatchNorm (2 c)
    double damping = 0;
    // Of a linear layer: outputs with about as many inputs of more than negligible values.
    struct Group {
      torch::Tensor outputs;  // int64
      int64_t cut = 0;        // inputs from here on have negligible values
    };
    std::vector<Group> groups;
  };
  std::vector<Block> blocks_;
};

}  // namespace expunge
