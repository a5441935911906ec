// One step of a network, with its own forward and backward pass.
//
// Networks are written by layers with explicit backward passes instead of recorded ones, for three
// reasons: no per-operation bookkeeping in a training step that lasts a third of a millisecond,
// buffers that are reused from step to step, and each layer's input and output gradient at hand for
// the Jacobian kernels of expunge/gradients/.
//
// Shapes: B samples of a batch; activations (B, features) or (B, channels, height, width).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace expunge {

class CounterRng;

enum class Mode { train, eval };

/// A trained tensor of a layer: a view into the network's flat parameter and gradient vectors.
struct Parameter {
  std::string name;            // within the layer: "weight", "bias"
  std::vector<int64_t> shape;  // as PyTorch's layer of the same kind has it
  double initial_bound = 0;    // drawn from Uniform(-bound, bound); 0 with `initial_value`
  double initial_value = 0;    // where the bound is 0
  torch::Tensor value;
  torch::Tensor gradient;
};

/// State that is not trained: running statistics. A view into the network's flat buffer vector.
struct Buffer {
  std::string name;
  std::vector<int64_t> shape;
  double initial_value = 0;
  torch::Tensor value;
};

class Layer;

/// Sees every layer that has parameters during a backward pass.
class BackwardObserver {
 public:
  virtual ~BackwardObserver() = default;
  /// `layer.input()` is what the layer saw in the forward pass; `output_gradient` has the shape of
  /// its output and holds d(loss)/d(output).
  virtual void on_layer(Layer& layer, const torch::Tensor& output_gradient) = 0;
};

/// What a backward pass is to compute.
struct BackwardRequest {
  bool input_gradient = true;       // false for a network's first layer
  bool parameter_gradients = true;  // written (not added) to Parameter::gradient
  BackwardObserver* observer = nullptr;
};

class Layer {
 public:
  virtual ~Layer() = default;
  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  /// The layer's output for x. May work in place on x, and the result is valid until the next
  /// forward pass. Keeps what backward needs.
  virtual torch::Tensor forward(const torch::Tensor& x, Mode mode) = 0;

  /// d(loss)/d(input) for the last forward pass, undefined if it was not asked for. Leaves
  /// output_gradient as it is; the result is valid until the next backward pass.
  virtual torch::Tensor backward(const torch::Tensor& output_gradient,
                                 const BackwardRequest& request) = 0;

  /// What the last forward pass was given; defined for layers with parameters only.
  [[nodiscard]] virtual torch::Tensor input() const { return {}; }

  [[nodiscard]] virtual std::vector<Parameter*> parameters() { return {}; }
  [[nodiscard]] virtual std::vector<Buffer*> buffers() { return {}; }

  /// Layers inside this one, with the names that they have in weight files.
  [[nodiscard]] virtual std::vector<std::pair<std::string, Layer*>> children() { return {}; }
};

}  // namespace expunge
