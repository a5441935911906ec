// How much a change of a network's weights changes its logits, as Kronecker factors of each layer.
#pragma once

#include <torch/types.h>

#include <optional>
#include <vector>

#include "expunge/gradients/damped_moment.h"
#include "expunge/train/network.h"

namespace expunge {

/// M, a positive definite approximation of the mean of J'J over samples, J (C, p) the Jacobian of one
/// sample's logits in Mode::eval: the Gauss-Newton matrix of half the squared change of the logits.
/// Block by block (one a layer) it is a Kronecker product, as in K-FAC:
///   linear       MA x MG, second moments of the inputs (1 appended for the bias) and of the output
///                gradients (Martens and Grosse, arXiv 1503.05671)
///   convolution  the same over patches (Grosse and Martens, arXiv 1602.01407)
///   BatchNorm    the diagonal
/// each factor damped by `damp` times its mean diagonal. With directions v ~ Normal(0, I_C) the
/// expectation of a gradient of v . z times itself is J'J.
///
/// A network that is not a LayeredNetwork has no factors: M is the identity.
class KroneckerCurvature {
 public:
  struct Factors {
    std::optional<DampedMoment> inputs;     // MA; none for BatchNorm
    std::optional<DampedMoment> gradients;  // MG; none for BatchNorm
    torch::Tensor weight;                   // BatchNorm: 1 / diagonal (channels) of its weight
    torch::Tensor bias;                     // and of its bias
  };

  /// inputs (N, ...), one direction a sample: directions (N, C) of the network's dtype; damp > 0. One
  /// forward and one backward pass over the N samples. NonFiniteError if the network diverged.
  KroneckerCurvature(Network& network, const torch::Tensor& inputs, const torch::Tensor& directions,
                     double damp);

  /// Of the layers with parameters, in the order in which a backward pass meets them; nullptr for a
  /// network without factors.
  [[nodiscard]] const Factors* of_layer(size_t layer) const;

 private:
  std::vector<Factors> layers_;
};

}  // namespace expunge
