// A classifier with flat parameters.
//
// p: number of parameters; B: samples of a batch; C: classes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "expunge/train/layer.h"

namespace expunge {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;
using NamedShapes = std::vector<std::pair<std::string, std::vector<int64_t>>>;

/// What training, attribution and unlearning need of a network. Not thread-safe: one thread at a
/// time may use one network, and every worker has its own.
class Network {
 public:
  virtual ~Network() = default;

  /// x (B, ...) -> logits (B, C), valid until the next forward pass.
  virtual torch::Tensor forward(const torch::Tensor& x, Mode mode) = 0;
  /// Given d(loss)/d(logits) (B, C) of the last forward pass, writes gradient().
  virtual void backward(const torch::Tensor& logit_gradient) = 0;

  /// (p), the parameters themselves: writing to it changes the network.
  [[nodiscard]] virtual torch::Tensor parameters() const = 0;
  /// (p), as left by the last backward pass.
  [[nodiscard]] virtual torch::Tensor gradient() const = 0;
  /// Parameters and running statistics by name, views into the network's own memory.
  [[nodiscard]] virtual NamedTensors state() const = 0;
  /// A network of the same architecture with memory of its own and the same state.
  [[nodiscard]] virtual std::unique_ptr<Network> clone() const = 0;
  /// The same in memory on another device. Error for a network that cannot be moved.
  [[nodiscard]] virtual std::unique_ptr<Network> copy_on(torch::Device device) const;
};

/// A network built of layers (layer.h), all of whose parameters lie in one vector in the order of
/// the layers, so that an optimiser step is one pass over memory.
class LayeredNetwork final : public Network {
 public:
  /// `build` makes the layers; it is called again by clone().
  LayeredNetwork(std::function<std::unique_ptr<Layer>()> build, torch::ScalarType dtype,
                 torch::Device device = torch::kCPU);

  torch::Tensor forward(const torch::Tensor& x, Mode mode) override;
  void backward(const torch::Tensor& logit_gradient) override;
  /// As above, but computes what `request` says.
  void backward(const torch::Tensor& logit_gradient, const BackwardRequest& request);

  /// x (B, ...) -> (B, d): what the last layer that has parameters is given in a forward pass,
  /// Mode::eval, flattened; of a classifier the representation that its logits are linear in.
  /// Valid until the next forward pass.
  torch::Tensor features(const torch::Tensor& x);

  [[nodiscard]] torch::Tensor parameters() const override { return parameters_; }
  [[nodiscard]] torch::Tensor gradient() const override { return gradient_; }
  [[nodiscard]] NamedTensors state() const override { return state_; }
  [[nodiscard]] std::unique_ptr<Network> clone() const override;
  [[nodiscard]] std::unique_ptr<Network> copy_on(torch::Device device) const override {
    return on(device);
  }
  /// The same network in float32 or float64, on the same device.
  [[nodiscard]] std::unique_ptr<LayeredNetwork> as(torch::ScalarType dtype) const;

  /// The same network in memory of its own on another device.
  [[nodiscard]] std::unique_ptr<LayeredNetwork> on(torch::Device device) const;
  /// The outermost layer.
  [[nodiscard]] Layer& root() const { return *root_; }

  /// Draws fresh parameters, each tensor from a stream of its own: the same for the same seed on
  /// every platform.
  void initialise(uint64_t seed);

 private:
  [[nodiscard]] std::unique_ptr<LayeredNetwork> copy(const torch::TensorOptions& options) const;

  std::function<std::unique_ptr<Layer>()> build_;
  std::unique_ptr<Layer> root_;
  torch::Tensor parameters_;
  torch::Tensor gradient_;
  torch::Tensor buffers_;
  NamedTensors state_;
  std::vector<Parameter*> trained_;
  Layer* last_learning_ = nullptr;  // the last layer that has parameters
};

/// The network as one whose layers are known, which some methods need; InputError, beginning with `what`,
/// which names the method, for a network that others wrote.
LayeredNetwork& require_layers(Network& network, const std::string& what);

/// Names and shapes of the state of a network whose outermost layer is `root`, before it has
/// memory.
NamedShapes state_shapes(Layer& root);

/// InputError, naming the tensor and `where`, if one is missing, unknown, or of another shape.
void check_state(const NamedShapes& required, const NamedTensors& source, const std::string& where);

/// Copies `source` into the network's state by name. Throws InputError, naming the tensor and
/// `where`, if one is missing, unknown, or of another shape.
void load_state(Network& network, const NamedTensors& source, const std::string& where);

/// Logits (n, C) of n inputs, which are on the network's device, in batches of `batch` (more on a CUDA
/// device), Mode::eval, in the CPU's memory; NonFiniteError names the input.
torch::Tensor evaluate_logits(Network& network, const torch::Tensor& inputs, int64_t batch = 500);

/// Features (n, d) of n inputs, as evaluate_logits().
torch::Tensor evaluate_features(LayeredNetwork& network, const torch::Tensor& inputs,
                                int64_t batch = 500);

}  // namespace expunge
