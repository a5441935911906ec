#if EXPUNGE_HAS_CUDA
#include "expunge/train/graph_steps.h"

#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/train/batch_norm.h"

namespace expunge {
namespace {

constexpr int64_t sum_threads = 512;
constexpr int64_t element_threads = 256;

class ConvolutionStep final : public PlanStep {
 public:
  ConvolutionStep(const PlanMemory& memory, const ConvolutionShape& shape, FlatTensor weight,
                  NormPlace norm, NormTail tail, const PatchShape& patches)
      : memory_(memory),
        shape_(shape),
        weight_(std::move(weight)),
        norm_(std::move(norm)),
        tail_(tail),
        patches_(patches) {}

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& skip) override {
    x_ = x;
    if (weight_.columns > 0) {
      y_ = at::mm(x, memory_.rounded(weight_).t())
               .view({-1, patches_.out_height, patches_.out_width, shape_.out})
               .permute({0, 3, 1, 2});
    } else {
      y_ = at::convolution(x, memory_.rounded(weight_), {}, {shape_.stride, shape_.stride},
                           {shape_.padding, shape_.padding}, {1, 1}, false, {0, 0}, 1)
               .contiguous(at::MemoryFormat::ChannelsLast);
    }
    launch("norm_statistics", sums(rows()), y(), rows(), channels(), norm());
    finish("finish_statistics", rows());
    torch::Tensor z;
    switch (tail_) {
      case NormTail::none:
        z = at::empty_like(y_);
        launch("norm_relu", elements(rows()), y(), pointer(skip), pointer(z), rows(), channels(),
               norm());
        return z;
      case NormTail::max_pool:
        z = at::empty({samples(), y_.size(1), y_.size(2) / 2, y_.size(3) / 2},
                      y_.options().memory_format(at::MemoryFormat::ChannelsLast));
        launch("norm_relu_pool", elements(rows() / 4), y(), pointer(z), rows() / 4, channels(),
               image(), norm());
        return z;
      case NormTail::largest:
        z = at::empty({samples(), y_.size(1)}, y_.options().dtype(torch::kFloat32));
        at_ = at::empty({samples(), y_.size(1)}, y_.options().dtype(torch::kInt16));
        launch("norm_relu_largest", groups_of_samples(), y(), z.data_ptr<float>(), where(),
               samples(), channels(), pixels(), norm());
        return z;
      case NormTail::mean:
        z = at::empty({samples(), y_.size(1)}, y_.options().dtype(torch::kFloat32));
        launch("norm_relu_mean", groups_of_samples(), y(), z.data_ptr<float>(), samples(),
               channels(), pixels(), norm());
        return z;
    }
    return z;
  }

  Above backward(const Above& above, bool input_gradient, Gradients& gradients) override {
    const auto dy = at::empty_like(y_);
    if (tail_ == NormTail::max_pool) {
      const GradientAbove from{pointer(above.first), pointer(above.second), nullptr, nullptr, 0};
      launch("pool_gradient_sums", sums(rows() / 4), y(), from, rows() / 4, channels(), image(),
             norm());
      finish("finish_gradients", rows() / 4);
      launch("pool_gradient", elements(rows() / 4), y(), from, pointer(dy), rows() / 4, channels(),
             image(), norm());
    } else {
      GradientAbove from{pointer(above.first), pointer(above.second), nullptr, nullptr, 1};
      std::string kind = "plain";
      if (tail_ != NormTail::none) {
        kind = tail_ == NormTail::largest ? "largest" : "mean";
        from = {nullptr, nullptr, above.first.data_ptr<float>(), where(), pixels()};
      }
      launch("norm_gradient_sums_" + kind, sums(rows()), y(), from, rows(), channels(), norm());
      finish("finish_gradients", rows());
      launch("norm_gradient_" + kind, elements(rows()), y(), from, pointer(dy), rows(), channels(),
             norm());
    }
    if (weight_.columns > 0) {
      if (input_gradient) fail("training plan: only the first convolution takes patches");
      gradients.emplace_back(weight_, patch_gradient(dy));
      return {};
    }
    const auto weight = memory_.rounded(weight_);
    const auto [dx, dw, db] = at::convolution_backward(
        dy, x_, weight, {}, {shape_.stride, shape_.stride}, {shape_.padding, shape_.padding},
        {1, 1}, false, {0, 0}, 1, {input_gradient, true, false});
    gradients.emplace_back(weight_, dw.permute({0, 2, 3, 1}).contiguous());
    if (!input_gradient) return {};
    return {dx.contiguous(at::MemoryFormat::ChannelsLast), {}};
  }

  void forget() override {
    x_ = torch::Tensor();
    y_ = torch::Tensor();
    at_ = torch::Tensor();
  }

 private:
  template <class... Arguments>
  void launch(const std::string& kernel, const LaunchShape& shape,
              const Arguments&... arguments) const {
    memory_.kernels->launch(memory_.name(kernel.c_str()), shape, arguments...);
  }
  // Sums that blocks have taken of so many positions, into what the next kernel needs of them.
  void finish(const char* kernel, int64_t summed) const {
    const int blocks = static_cast<int>(sums(summed).blocks_x);
    memory_.kernels->launch(kernel, {groups(), 1, 256, 1, 0}, blocks, rows(), channels(), norm());
  }

  // (out, columns) float32: positions in chunks, so that there are as many products as multiprocessors.
  [[nodiscard]] torch::Tensor patch_gradient(const torch::Tensor& dy) const {
    const int64_t positions = x_.size(0);
    int64_t chunks = 128;
    while (positions % chunks != 0 || positions / chunks < 64) {
      if (chunks == 1) break;
      chunks /= 2;
    }
    const auto by_position = dy.permute({0, 2, 3, 1}).reshape({chunks, positions / chunks, -1});
    const auto products =
        at::bmm(by_position.transpose(1, 2), x_.view({chunks, positions / chunks, x_.size(1)}));
    return at::sum(products, at::IntArrayRef{0}, false, torch::kFloat32);
  }

  static void* pointer(const torch::Tensor& x) { return x.defined() ? x.data_ptr() : nullptr; }
  [[nodiscard]] void* y() const { return y_.data_ptr(); }
  [[nodiscard]] uint16_t* where() const {
    return at_.defined() ? static_cast<uint16_t*>(at_.data_ptr()) : nullptr;
  }
  [[nodiscard]] int64_t samples() const { return y_.size(0); }
  [[nodiscard]] int64_t rows() const { return y_.size(0) * y_.size(2) * y_.size(3); }
  [[nodiscard]] int channels() const { return static_cast<int>(y_.size(1)); }
  [[nodiscard]] int pixels() const { return static_cast<int>(y_.size(2) * y_.size(3)); }
  [[nodiscard]] ImageSize image() const {
    return {static_cast<int>(y_.size(2)), static_cast<int>(y_.size(3))};
  }
  [[nodiscard]] int64_t groups() const { return y_.size(1) / 8; }

  // Blocks that each take every so many rows, one a multiprocessor at most.
  [[nodiscard]] LaunchShape sums(int64_t rows) const {
    const int64_t lanes = sum_threads / groups();
    return {std::min((rows + lanes - 1) / lanes, memory_.kernels->processors()), 1, sum_threads, 1,
            16 * sum_threads * static_cast<int64_t>(sizeof(float))};
  }
  // Blocks of whole rows, two positions a thread or more.
  [[nodiscard]] LaunchShape elements(int64_t rows) const {
    const int64_t threads = groups() * std::max<int64_t>(1, element_threads / groups());
    const int64_t wanted = (rows * groups() + 2 * threads - 1) / (2 * threads);
    return {std::min(wanted, 16 * memory_.kernels->processors()), 1, threads, 1, 0};
  }
  [[nodiscard]] LaunchShape groups_of_samples() const {
    return {(samples() * groups() + 127) / 128, 1, 128, 1, 0};
  }

  [[nodiscard]] NormNumbers norm() const {
    auto* parameters = memory_.parameters.data_ptr<float>();
    auto* gradient = memory_.gradient.data_ptr<float>();
    auto* running = memory_.running.data_ptr<float>();
    auto* kept = memory_.norms.data_ptr<float>() + norm_.kept;
    const auto c = norm_.channels;
    return {parameters + norm_.weight.at,
            parameters + norm_.bias.at,
            running + norm_.running_mean,
            running + norm_.running_var,
            kept,
            kept + c,
            kept + 2 * c,
            kept + 3 * c,
            gradient + norm_.weight.at,
            gradient + norm_.bias.at,
            kept + 4 * c,
            kept + 5 * c,
            memory_.partial.data_ptr<float>(),
            static_cast<float>(BatchNorm::momentum),
            static_cast<float>(BatchNorm::epsilon)};
  }

  const PlanMemory& memory_;
  ConvolutionShape shape_;
  FlatTensor weight_;
  NormPlace norm_;
  NormTail tail_;
  PatchShape patches_;
  torch::Tensor x_, y_, at_;
};

class ResidualStep final : public PlanStep {
 public:
  explicit ResidualStep(std::vector<std::unique_ptr<PlanStep>> inner) : inner_(std::move(inner)) {}

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& /*skip*/) override {
    torch::Tensor value = x;
    for (const auto& step : inner_)
      value = step->forward(value, step == inner_.back() ? x : torch::Tensor{});
    return value;
  }

  Above backward(const Above& above, bool input_gradient, Gradients& gradients) override {
    Above through = above;
    for (size_t i = inner_.size(); i-- > 0;)
      through = inner_[i]->backward(through, input_gradient || i > 0, gradients);
    if (!input_gradient) return {};
    return {through.first, above.second.defined() ? above.first + above.second : above.first};
  }

  void forget() override {
    for (const auto& step : inner_) step->forget();
  }

 private:
  std::vector<std::unique_ptr<PlanStep>> inner_;
};

class HiddenStep final : public PlanStep {
 public:
  HiddenStep(const PlanMemory& memory, FlatTensor weight, FlatTensor bias)
      : memory_(memory), weight_(std::move(weight)), bias_(std::move(bias)) {}

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& /*skip*/) override {
    x_ = x;
    h_ = at::_addmm_activation(memory_.rounded(bias_), x, memory_.rounded(weight_).t());  // ReLU
    return h_;
  }

  Above backward(const Above& above, bool input_gradient, Gradients& gradients) override {
    const auto dz = at::empty_like(h_);
    const int samples = static_cast<int>(h_.size(0));
    const int width = static_cast<int>(h_.size(1));
    memory_.kernels->launch(memory_.name("hidden_gradient"), {(width + 31) / 32, 1, 32, 8, 0},
                            above.first.data_ptr(), h_.data_ptr(), dz.data_ptr(),
                            memory_.gradient.data_ptr<float>() + bias_.at, samples, width);
    gradients.emplace_back(weight_, at::mm(dz.t(), x_));
    if (!input_gradient) return {};
    return {at::mm(dz, memory_.rounded(weight_)), {}};
  }

  void forget() override {
    x_ = torch::Tensor();
    h_ = torch::Tensor();
  }

 private:
  const PlanMemory& memory_;
  FlatTensor weight_, bias_;
  torch::Tensor x_, h_;
};

}  // namespace

std::unique_ptr<PlanStep> convolution_step(const PlanMemory& memory, const ConvolutionShape& shape,
                                           const FlatTensor& weight, const NormPlace& norm,
                                           NormTail tail, const PatchShape& patches) {
  return std::make_unique<ConvolutionStep>(memory, shape, weight, norm, tail, patches);
}

std::unique_ptr<PlanStep> residual_step(std::vector<std::unique_ptr<PlanStep>> inner) {
  return std::make_unique<ResidualStep>(std::move(inner));
}

std::unique_ptr<PlanStep> hidden_step(const PlanMemory& memory, const FlatTensor& weight,
                                      const FlatTensor& bias) {
  return std::make_unique<HiddenStep>(memory, weight, bias);
}

}  // namespace expunge
#endif
