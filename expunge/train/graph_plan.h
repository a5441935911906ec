// A network's training step on a CUDA device: its layers joined into few kernels, over static memory.
// Internal; in builds with CUDA only.
//
// Activations are bfloat16 (half precision) or float32, channels last; parameters, gradients of
// BatchNorm and of the last layer, statistics, loss and optimiser are float32. B: samples of a batch.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "expunge/train/cuda_kernels.h"
#include "expunge/train/network.h"
#include "expunge/train/networks.h"
#include "expunge/train/trainer.h"

namespace expunge {

/// The least multiple of 8 that is not less.
inline int64_t padded_to_8(int64_t count) {
  return (count + 7) / 8 * 8;
}

/// What a plan's first step takes: images flattened as (C, H, W); images (H, W, C) with channels
/// padded to a multiple of 8; or, where these would mostly be padding, the patches of images (H, W, C)
/// that a convolution's outputs see, so that the convolution is a matrix product.
enum class PlanInput { flat, images, patches };

/// The training set on a device as the plans take it: rows of one example each, n rows.
struct ResidentData {
  torch::Tensor rows;    // (n, units): of the activations' dtype
  torch::Tensor labels;  // (n) int32
};

/// Where a tensor of the network's state lies in the plan's flat vectors.
struct FlatTensor {
  size_t state = 0;            // index into Network::state()
  std::vector<int64_t> shape;  // as the network has it
  int64_t at = 0;              // a multiple of 8
  int64_t count = 0;           // with padding
  int64_t padded_in = 0;       // of a convolution's weight: input channels with padding, else 0
  int64_t columns = 0;         // of one that takes patches: their width, else 0
};

/// What the steps of one lane share.
struct PlanMemory {
  torch::Tensor parameters;  // flat float32: first what the kernels' own gradients are written for
  torch::Tensor gradient;    // flat float32, of that first part
  torch::Tensor low;         // flat bfloat16, rounded parameters; undefined with float32
  torch::Tensor running;     // flat float32: running statistics
  torch::Tensor norms;       // float32: what BatchNorms keep for their backward pass
  torch::Tensor partial;     // sums of blocks
  torch::Tensor progress;    // (3) int32: TrainingProgress
  const CudaKernels* kernels = nullptr;
  bool half = false;

  [[nodiscard]] std::string name(const char* kernel) const {
    return std::string(kernel) + (half ? "_half" : "_float");
  }
  [[nodiscard]] torch::ScalarType dtype() const {
    return half ? torch::kBFloat16 : torch::kFloat32;
  }
  /// A parameter in the activations' dtype.
  [[nodiscard]] torch::Tensor rounded(const FlatTensor& of) const;
};

/// d(loss)/d(a step's output): one tensor, or the sum of two.
struct Above {
  torch::Tensor first, second;
};

/// Gradients that LibTorch's operators gave, kept until the optimiser's kernel has been launched.
using Gradients = std::vector<std::pair<FlatTensor, torch::Tensor>>;

class PlanStep {
 public:
  virtual ~PlanStep() = default;
  /// `skip`, where defined, is added to the output.
  virtual torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& skip) = 0;
  virtual Above backward(const Above& above, bool input_gradient, Gradients& gradients) = 0;
  /// Forgets the tensors of the last pass.
  virtual void forget() = 0;
};

/// The layers of a network as steps. Ends with the last linear layer and the loss.
class TrainingPlan {
 public:
  /// nullptr if the network has layers, or an order of them, that there is no step for.
  static std::unique_ptr<TrainingPlan> make(const LayeredNetwork& network,
                                            const NetworkShape& shape, bool half);
  ~TrainingPlan();

  [[nodiscard]] PlanInput input() const { return input_; }
  /// Of PlanInput::patches.
  [[nodiscard]] const PatchShape& patches() const { return patches_; }
  /// The training set's inputs (n, C, H, W) as rows of the plan's dtype, and its labels (n).
  [[nodiscard]] ResidentData resident(const TrainingData& data) const;
  /// Memory for the inputs of `batch` examples, and those of the first `size` of them as run() takes them.
  [[nodiscard]] torch::Tensor make_batch(const ResidentData& data, int64_t batch) const;
  [[nodiscard]] torch::Tensor inputs_of(const torch::Tensor& batch, int64_t size) const;
  /// Memory on a device. Before run().
  void allocate(torch::Device device);
  /// Copies the network's state in, and clears what a training begins with; and out again.
  void load(const Network& network);
  void store(Network& network) const;

  /// Forward and backward pass over inputs_of() a batch; labels (B) int32; `step` is the
  /// number of the step in its graph. Results are valid until forget().
  void run(const torch::Tensor& inputs, const torch::Tensor& labels, int step);
  [[nodiscard]] const Gradients& gradients() const { return gradients_; }
  void forget();

  PlanMemory memory;
  /// How much of the flat vectors has its gradient in memory.gradient.
  [[nodiscard]] int64_t direct_count() const { return direct_; }
  [[nodiscard]] int64_t flat_count() const { return parameters_; }

 private:
  friend class PlanBuilder;
  // The last linear layer, with the loss.
  struct Head {
    FlatTensor weight, bias;
    bool has_bias = false;
    float factor = 1;
    torch::Tensor features, feature_gradient, logit_gradient;
  };
  TrainingPlan();

  PlanInput input_ = PlanInput::images;
  PatchShape patches_{};
  NetworkShape shape_;
  bool half_ = false;
  int64_t direct_ = 0;
  int64_t parameters_ = 0;
  int64_t running_ = 0;
  int64_t norm_channels_ = 0;
  int64_t most_channels_ = 8;
  std::vector<FlatTensor> tensors_;  // parameters
  std::vector<FlatTensor> buffers_;  // running statistics
  std::vector<std::unique_ptr<PlanStep>> steps_;
  std::unique_ptr<Head> head_;
  Gradients gradients_;
};

}  // namespace expunge
