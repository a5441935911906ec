#if EXPUNGE_HAS_CUDA
// How a TrainingPlan is made of a network's layers.
#include <algorithm>
#include <limits>

#include "expunge/core/error.h"
#include "expunge/train/batch_norm.h"
#include "expunge/train/containers.h"
#include "expunge/train/graph_plan.h"
#include "expunge/train/graph_steps.h"
#include "expunge/train/linear.h"
#include "expunge/train/pointwise.h"
#include "expunge/train/pooling.h"

namespace expunge {
namespace {

constexpr int64_t most_channels_of_norm = 2048;
constexpr int64_t most_classes_of_head = 64;

int64_t element_count_of(const std::vector<int64_t>& shape) {
  int64_t count = 1;
  for (const int64_t size : shape) count *= size;
  return count;
}

}  // namespace

// Reads a network's layers in order; gives up, with `supported` false, at what it does not know.
class PlanBuilder {
 public:
  PlanBuilder(TrainingPlan& plan, const LayeredNetwork& network, const NetworkShape& shape)
      : plan_(plan), state_(network.state()), shape_(shape) {
    auto* root = dynamic_cast<Sequential*>(&network.root());
    supported = root != nullptr && shape.classes <= most_classes_of_head && read(*root);
    if (!supported) return;
    // What the kernels write gradients of comes first in the flat vectors.
    for (const bool direct : {true, false}) {
      for (auto* place : places_) {
        if (place->direct != direct) continue;
        place->tensor.at = plan.parameters_;
        plan.parameters_ += padded_to_8(place->tensor.count);
        plan.tensors_.push_back(place->tensor);
      }
      if (direct) plan.direct_ = plan.parameters_;
    }
    make_steps();
  }
  bool supported = false;

 private:
  struct Place {
    FlatTensor tensor;
    bool direct = false;
  };
  struct Block {  // a step to be made
    const Convolution* convolution = nullptr;
    Place weight, bias, norm_weight, norm_bias;
    NormPlace norm;
    NormTail tail = NormTail::none;
    std::vector<std::unique_ptr<Block>> inner;
  };

  bool read(Sequential& root) {
    auto children = root.children();
    size_t i = 0;
    const bool flat = i < children.size() && is<Flatten>(children[i].second);
    if (flat) plan_.input_ = PlanInput::flat;
    if (flat) ++i;
    bool pooled = flat;
    while (i < children.size()) {
      Layer* layer = children[i].second;
      if (is<Convolution>(layer) && !pooled) {
        auto block = read_convolution(children, i, /*tails=*/true);
        if (!block) return false;
        pooled = block->tail == NormTail::largest || block->tail == NormTail::mean;
        blocks_.push_back(std::move(block));
      } else if (auto* residual = dynamic_cast<Residual*>(layer); residual != nullptr && !pooled) {
        auto block = read_residual(*residual);
        if (!block) return false;
        blocks_.push_back(std::move(block));
        ++i;
      } else if (auto* linear = dynamic_cast<Linear*>(layer); linear != nullptr && pooled) {
        ++i;
        if (i < children.size() && is<Relu>(children[i].second)) {
          if (!flat || !linear->has_bias()) return false;
          auto block = std::make_unique<Block>();
          block->weight = place_of(*linear->parameters()[0], false);
          block->bias = place_of(*linear->parameters()[1], true);
          places_.push_back(&block->weight);
          places_.push_back(&block->bias);
          blocks_.push_back(std::move(block));
          ++i;
          continue;
        }
        return read_head(*linear, children, i);
      } else {
        return false;
      }
    }
    return false;  // no last linear layer
  }

  using Children = std::vector<std::pair<std::string, Layer*>>;

  bool read_head(Linear& linear, const Children& children, size_t i) {
    head_weight_ = place_of(*linear.parameters()[0], true);
    places_.push_back(&head_weight_);
    has_head_bias_ = linear.has_bias();
    if (has_head_bias_) {
      head_bias_ = place_of(*linear.parameters()[1], true);
      places_.push_back(&head_bias_);
    }
    if (i < children.size()) {
      const auto* scale = dynamic_cast<Scale*>(children[i].second);
      if (scale == nullptr) return false;
      factor_ = static_cast<float>(scale->factor());
      ++i;
    }
    return i == children.size();
  }

  // Convolution, BatchNorm, ReLU and a pool if one follows; moves i past them.
  std::unique_ptr<Block> read_convolution(const Children& children, size_t& i, bool tails) {
    if (i + 2 >= children.size() || !is<BatchNorm>(children[i + 1].second) ||
        !is<Relu>(children[i + 2].second))
      return nullptr;
    auto block = std::make_unique<Block>();
    block->convolution = dynamic_cast<Convolution*>(children[i].second);
    const auto& shape = block->convolution->shape();
    if (shape.out % 8 != 0 || shape.out > most_channels_of_norm) return nullptr;
    auto& norm = *children[i + 1].second;
    block->weight = place_of(*children[i].second->parameters()[0], false);
    block->norm_weight = place_of(*norm.parameters()[0], true);
    block->norm_bias = place_of(*norm.parameters()[1], true);
    for (auto* place : {&block->weight, &block->norm_weight, &block->norm_bias})
      places_.push_back(place);
    block->norm.channels = shape.out;
    block->norm.running_mean = buffer_of(*norm.buffers()[0]);
    block->norm.running_var = buffer_of(*norm.buffers()[1]);
    block->norm.kept = plan_.norm_channels_ * 6;
    plan_.norm_channels_ += shape.out;
    plan_.most_channels_ = std::max(plan_.most_channels_, shape.out);
    const int64_t out_height = (height_ + 2 * shape.padding - shape.kernel) / shape.stride + 1;
    const int64_t out_width = (width_ + 2 * shape.padding - shape.kernel) / shape.stride + 1;
    const int64_t columns = padded_to_8(shape.kernel * shape.kernel * shape.in);
    if (plan_.norm_channels_ == shape.out && shape.in % 8 != 0 &&
        columns <= PatchShape::most_columns) {
      const auto i32 = [](int64_t x) { return static_cast<int>(x); };
      plan_.input_ = PlanInput::patches;
      plan_.patches_ = {i32(height_),      i32(width_),       i32(shape.in),
                        i32(shape.kernel), i32(shape.stride), i32(shape.padding),
                        i32(out_height),   i32(out_width),    i32(columns)};
      block->weight.tensor.padded_in = 0;
      block->weight.tensor.columns = columns;
      block->weight.tensor.count = shape.out * columns;
    }
    height_ = out_height;
    width_ = out_width;
    i += 3;
    if (!tails || i == children.size()) return block;
    Layer* next = children[i].second;
    if (const auto* pool = dynamic_cast<MaxPool*>(next)) {
      const auto& [size, stride, padding] = pool->shape();
      if (size != 2 || stride != 2 || padding != 0 || height_ % 2 != 0 || width_ % 2 != 0)
        return nullptr;
      block->tail = NormTail::max_pool;
      height_ /= 2;
      width_ /= 2;
    } else if (is<GlobalMaxPool>(next)) {
      if (height_ * width_ > std::numeric_limits<uint16_t>::max()) return nullptr;
      block->tail = NormTail::largest;
    } else if (is<GlobalMeanPool>(next)) {
      block->tail = NormTail::mean;
    } else {
      return block;
    }
    ++i;
    return block;
  }

  std::unique_ptr<Block> read_residual(Residual& residual) {
    auto* inner = dynamic_cast<Sequential*>(residual.children()[0].second);
    if (inner == nullptr || residual.children().size() > 1) return nullptr;
    auto block = std::make_unique<Block>();
    const auto children = inner->children();
    for (size_t i = 0; i < children.size();) {
      if (!is<Convolution>(children[i].second)) return nullptr;
      auto one = read_convolution(children, i, /*tails=*/false);
      if (!one) return nullptr;
      block->inner.push_back(std::move(one));
    }
    if (block->inner.empty()) return nullptr;
    return block;
  }

  template <class L>
  static bool is(Layer* layer) {
    return dynamic_cast<L*>(layer) != nullptr;
  }

  [[nodiscard]] size_t state_of(const torch::Tensor& value) const {
    for (size_t i = 0; i < state_.size(); ++i) {
      if (state_[i].second.data_ptr() == value.data_ptr()) return i;
    }
    fail("training plan: a layer's tensor is not in the network's state");
  }

  [[nodiscard]] Place place_of(const Parameter& parameter, bool direct) const {
    Place place;
    place.direct = direct;
    place.tensor.state = state_of(parameter.value);
    place.tensor.shape = parameter.shape;
    place.tensor.count = element_count_of(parameter.shape);
    if (parameter.shape.size() == 4) {
      place.tensor.padded_in = padded_to_8(parameter.shape[1]);
      place.tensor.count = place.tensor.count / parameter.shape[1] * place.tensor.padded_in;
    }
    return place;
  }

  int64_t buffer_of(const Buffer& buffer) {
    FlatTensor tensor;
    tensor.state = state_of(buffer.value);
    tensor.shape = buffer.shape;
    tensor.count = element_count_of(buffer.shape);
    tensor.at = plan_.running_;
    plan_.running_ += padded_to_8(tensor.count);
    plan_.buffers_.push_back(tensor);
    return tensor.at;
  }

  void make_steps() {
    for (const auto& block : blocks_) plan_.steps_.push_back(step_of(*block));
    plan_.head_ = std::make_unique<TrainingPlan::Head>();
    plan_.head_->weight = head_weight_.tensor;
    plan_.head_->bias = head_bias_.tensor;
    plan_.head_->has_bias = has_head_bias_;
    plan_.head_->factor = factor_;
  }

  std::unique_ptr<PlanStep> step_of(Block& block) {
    if (!block.inner.empty()) {
      std::vector<std::unique_ptr<PlanStep>> inner;
      for (const auto& one : block.inner) inner.push_back(step_of(*one));
      return residual_step(std::move(inner));
    }
    if (block.convolution == nullptr)
      return hidden_step(plan_.memory, block.weight.tensor, block.bias.tensor);
    block.norm.weight = block.norm_weight.tensor;
    block.norm.bias = block.norm_bias.tensor;
    return convolution_step(plan_.memory, block.convolution->shape(), block.weight.tensor,
                            block.norm, block.tail, plan_.patches_);
  }

  TrainingPlan& plan_;
  NamedTensors state_;
  NetworkShape shape_;
  int64_t height_ = shape_.height;
  int64_t width_ = shape_.width;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::vector<Place*> places_;
  Place head_weight_, head_bias_;
  bool has_head_bias_ = false;
  float factor_ = 1;
};

std::unique_ptr<TrainingPlan> TrainingPlan::make(const LayeredNetwork& network,
                                                 const NetworkShape& shape, bool half) {
  if (network.parameters().scalar_type() != torch::kFloat32) return nullptr;
  std::unique_ptr<TrainingPlan> plan(new TrainingPlan());
  plan->half_ = half;
  plan->shape_ = shape;
  const PlanBuilder builder(*plan, network, shape);
  if (!builder.supported) return nullptr;
  return plan;
}

}  // namespace expunge
#endif
