#include "expunge/gradients/tangent_kernel.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/gradients/layer_rows.h"
#include "expunge/gradients/logit_jacobian.h"
#include "expunge/gradients/sign_sketch.h"

namespace expunge {
namespace {

constexpr int64_t rows_at_once = 640;    // points times classes whose activations are held
constexpr int64_t points_at_once = 256;  // rows of the kernel that are one task
constexpr int64_t weight_numbers_at_once = 4 << 20;  // of weights' gradients

// Numbers of a row's gradient with respect to a layer's parameters.
int64_t parameters_of(const LayerRows& layer) {
  int64_t count = 0;
  for (const auto* parameter : layer.layer->parameters()) count += parameter->value.numel();
  return count;
}

// Gradients (points, C, length) of a convolution's or BatchNorm's parameters, of points begin ... begin + count.
torch::Tensor weight_gradients(const LayerRows& layer, int64_t classes, int64_t begin,
                               int64_t count) {
  const LayerRows part{layer.layer, layer.inputs.narrow(0, begin, count),
                       layer.gradients.narrow(0, begin * classes, count * classes)};
  if (kind_of(*layer.layer) == LayerKind::convolution) {
    const auto by_position =
        part.gradients.flatten(2).view({count, -1, part.gradients[0][0].numel()});
    return at::bmm(by_position, design(part).transpose(1, 2)).view({count, classes, -1});
  }
  const auto samples = at::arange(count, torch::kInt64).repeat_interleave(classes);
  return batch_norm_gradients(part, samples).view({count, classes, -1});
}

// What points' products are taken of.
class PointFeatures {
 public:
  PointFeatures(const LayeredNetwork& network, const torch::Tensor& inputs,
                const TangentKernelOptions& options)
      : features_(options.features), seed_(options.seed) {
    const auto own = network.as(network.parameters().scalar_type());
    RowCollector one(*own);
    classes_ = one.forward(inputs.narrow(0, 0, 1)).size(1);
    one.add(all_logits(1, classes_, network.parameters().options()));
    const auto empty = [&](int64_t width) {
      return at::empty({inputs.size(0), width}, network.parameters().options());
    };
    for (const auto& layer : one.layers()) {
      if (kind_of(*layer.layer) == LayerKind::linear) {
        const int64_t outputs = layer.gradients.size(1);
        output_sketches_.push_back(sketches("outputs of a linear layer", inputs_.size(), outputs,
                                            layer.gradients.options()));
        inputs_.push_back(empty(design(layer).size(1)));
        gradients_.push_back(empty(classes_ * width_of(outputs)));
      } else {
        others_length_ += parameters_of(layer);
      }
    }
    others_ = empty(classes_ * width_of(others_length_));
    other_sketches_ = sketches("other layers", 0, others_length_, others_.options());
    parallel_blocks(inputs.size(0), std::max<int64_t>(1, rows_at_once / classes_), options.workers,
                    [&](int64_t begin, int64_t end) { take(network, inputs, begin, end); });
  }

  // Rows begin ... begin + count and columns 0 ... columns of the kernel.
  [[nodiscard]] torch::Tensor products(int64_t begin, int64_t count, int64_t columns) const {
    const auto part = [&](const torch::Tensor& x) {
      return product(x.narrow(0, begin, count), false, x.narrow(0, 0, columns), true);
    };
    auto sum = part(others_);
    for (size_t l = 0; l < inputs_.size(); ++l) sum.addcmul_(part(inputs_[l]), part(gradients_[l]));
    return sum;
  }

 private:
  // Numbers a class that stand for `width`.
  [[nodiscard]] int64_t width_of(int64_t width) const {
    return features_ == 0 ? width : std::min(width, std::max<int64_t>(1, features_ / classes_));
  }

  void take(const LayeredNetwork& network, const torch::Tensor& inputs, int64_t begin,
            int64_t end) {
    const int64_t points = end - begin;
    const auto own = network.as(network.parameters().scalar_type());
    RowCollector rows(*own);
    rows.forward(inputs.narrow(0, begin, points));
    rows.add(all_logits(points, classes_, network.parameters().options()));
    size_t linear = 0;
    std::vector<const LayerRows*> others;
    for (const auto& layer : rows.layers()) {
      if (kind_of(*layer.layer) != LayerKind::linear) {
        others.push_back(&layer);
        continue;
      }
      inputs_[linear].narrow(0, begin, points).copy_(design(layer));
      gradients_[linear]
          .narrow(0, begin, points)
          .copy_(outputs(layer.gradients, output_sketches_[linear]).reshape({points, -1}));
      ++linear;
    }
    take_others(others, points, others_.narrow(0, begin, points));
  }

  // For each class what sums up `length` numbers; none where they are few enough.
  [[nodiscard]] std::vector<SignSketch> sketches(const char* of, uint64_t layer, int64_t length,
                                                 const torch::TensorOptions& options) const {
    std::vector<SignSketch> by_class;
    if (width_of(length) == length) return by_class;
    const auto seed = derive_seed(seed_, of, layer);
    for (int64_t c = 0; c < classes_; ++c)
      by_class.emplace_back(length, width_of(length),
                            derive_seed(seed, "class", static_cast<uint64_t>(c)), options);
    return by_class;
  }

  // Output gradients (P C, out) of a linear layer, or sketches of them (P, C, width).
  [[nodiscard]] torch::Tensor outputs(const torch::Tensor& gradients,
                                      const std::vector<SignSketch>& by_class) const {
    if (by_class.empty()) return gradients;
    const auto whole = gradients.view({-1, classes_, gradients.size(1)});
    auto sums = at::zeros({whole.size(0), classes_, width_of(whole.size(2))}, whole.options());
    for (int64_t c = 0; c < classes_; ++c)
      by_class[static_cast<size_t>(c)].add(whole.select(1, c), 0, sums.select(1, c));
    return sums;
  }

  // The gradients of the weights of convolutions and BatchNorm, or sketches of them: into `to` (P, C width).
  void take_others(const std::vector<const LayerRows*>& layers, int64_t points,
                   torch::Tensor to) const {
    to.zero_();
    const int64_t width = width_of(others_length_);
    int64_t first = 0;
    for (const auto* layer : layers) {
      const int64_t length = parameters_of(*layer);
      const int64_t block =
          std::clamp<int64_t>(weight_numbers_at_once / (classes_ * length), 1, points);
      for (int64_t begin = 0; begin < points; begin += block) {
        const int64_t count = std::min(block, points - begin);
        const auto gradients = weight_gradients(*layer, classes_, begin, count);
        for (int64_t c = 0; c < classes_; ++c) {
          auto part = to.narrow(0, begin, count).narrow(1, c * width, width);
          if (other_sketches_.empty()) {
            part.narrow(1, first, length).copy_(gradients.select(1, c));
          } else {
            other_sketches_[static_cast<size_t>(c)].add(gradients.select(1, c), first, part);
          }
        }
      }
      first += length;
    }
  }

  int64_t features_;
  uint64_t seed_;
  int64_t classes_ = 0;
  int64_t others_length_ = 0;                             // p of convolutions and BatchNorm
  std::vector<torch::Tensor> inputs_;                     // of each linear layer (m, in)
  std::vector<torch::Tensor> gradients_;                  // of each linear layer (m, C out)
  torch::Tensor others_;                                  // (m, C k)
  std::vector<std::vector<SignSketch>> output_sketches_;  // of each linear layer, by class
  std::vector<SignSketch> other_sketches_;                // by class
};

}  // namespace

torch::Tensor tangent_kernel(const LayeredNetwork& network, const torch::Tensor& inputs,
                             int64_t columns, const TangentKernelOptions& options) {
  const int64_t points = inputs.size(0);
  if (columns < 1 || columns > points)
    fail<InputError>("tangent kernel: 1 to {} columns required, got {}", points, columns);
  const PointFeatures features(network, inputs, options);
  auto kernel = at::empty({points, columns}, torch::kFloat32);
  parallel_blocks(points, points_at_once, options.workers, [&](int64_t begin, int64_t end) {
    kernel.narrow(0, begin, end - begin).copy_(features.products(begin, end - begin, columns));
  });
  if (!kernel.isfinite().all().item<bool>())
    fail<NonFiniteError>("tangent kernel: gradients of a model are not finite");
  return kernel;
}

}  // namespace expunge
