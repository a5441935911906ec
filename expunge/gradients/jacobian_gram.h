// The kernel of a network's logits: products of their gradients between samples.
//
// P: samples; C: classes; p: parameters; J (P C, p): row (i, c) is the gradient of logit c of
// sample i with respect to all parameters, in Mode::eval (BatchNorm by its running statistics, so
// that each sample's logits depend on that sample alone). Rows are ordered by sample, then class.
#pragma once

#include <torch/types.h>

#include "expunge/train/network.h"

namespace expunge {

struct JacobianGram {
  torch::Tensor gram;    // K = J J' (P C, P C), of the network's dtype
  torch::Tensor logits;  // (P, C) of the same forward pass
};

/// K for inputs (P, ...), at the cost of one forward and C backward passes over the P samples.
///
/// A LayeredNetwork's K is summed layer by layer from each layer's inputs and output gradients (the
/// empirical neural tangent kernel of Jacot et al., arXiv 1806.07572, in the layer form of Novak et
/// al., arXiv 2206.08720), so that J is never held:
///   linear       (A A' + 1 for the bias) o (G G'), A (P, in) inputs, G (P C, out) output gradients
///   convolution  per-sample gradients in blocks of output channels
///   BatchNorm    sums over pixels of G times the normalised input, and of G
/// Any other network goes through jacobian_gram_by_rows().
JacobianGram jacobian_gram(Network& network, const torch::Tensor& inputs);

/// The same for any network, by one backward pass for each sample and class; holds J (P C p
/// numbers).
JacobianGram jacobian_gram_by_rows(Network& network, const torch::Tensor& inputs);

/// J' c (p) for coefficients c (P, C): the gradient of sum(c o logits); one forward, one backward
/// pass.
torch::Tensor jacobian_transposed_times(Network& network, const torch::Tensor& inputs,
                                        const torch::Tensor& coefficients);

}  // namespace expunge
