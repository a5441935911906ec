// A network that others wrote, of which only the outputs are known: its backward pass is LibTorch's autograd.
//
// p: number of trained parameters; B: samples of a batch; C: classes.
#pragma once

#include <torch/types.h>

#include <vector>

#include "expunge/train/network.h"

namespace expunge {

/// What is common to networks that come as a TorchScript file or as a module of Python. Its parameters are
/// moved into one vector, of which the network's own tensors become views.
///
/// In Mode::eval a forward pass records nothing; the first backward pass after it runs it once more to be
/// recorded, so that evaluating many points holds no graph. A network must therefore give the same logits
/// for the same inputs in Mode::eval.
class AutogradNetwork : public Network {
 public:
  /// As Network says. InputError unless the logits are (B, C) of the parameters' dtype.
  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  void backward(const torch::Tensor& logit_gradient) override;
  [[nodiscard]] torch::Tensor parameters() const override { return parameters_; }
  [[nodiscard]] torch::Tensor gradient() const override { return gradient_; }

 protected:
  /// `trained`: leaf tensors that require gradients, with their names, at least one, all of one floating
  /// dtype on one device; their data are replaced by views into parameters(). InputError names one that
  /// does not fit.
  explicit AutogradNetwork(const NamedTensors& trained);
  /// Gives the tensors memory of their own again, with the values that they have now.
  void detach_parameters();

 private:
  /// Logits (B, C) of x (B, ...), which is on the parameters' device, recorded if gradients are enabled.
  virtual torch::Tensor call(const torch::Tensor& x, Mode mode) = 0;
  [[nodiscard]] torch::Tensor logits_of(const torch::Tensor& x, Mode mode);

  std::vector<torch::Tensor> trained_;
  torch::Tensor parameters_;  // (p)
  torch::Tensor gradient_;    // (p)
  torch::Tensor input_;
  torch::Tensor recorded_;  // logits of the last forward pass with their graph, where there is one
};

}  // namespace expunge
