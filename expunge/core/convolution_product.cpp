#include "expunge/core/convolution_product.h"

#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>

#include <algorithm>
#include <array>
#include <optional>

#include "expunge/core/error.h"

#if EXPUNGE_HAS_ONEDNN
#include <oneapi/dnnl/dnnl.hpp>
#endif

namespace expunge {
namespace {

#if EXPUNGE_HAS_ONEDNN
using Dims = dnnl::memory::dims;
using Tag = dnnl::memory::format_tag;

constexpr auto kAlgorithm = dnnl::algorithm::convolution_winograd;
constexpr int64_t kLeastChannels = 64;
constexpr int64_t kLeastSide = 4;                     // a tile's
constexpr int64_t kNumbersAtOnce = int64_t{1} << 21;  // of inputs and outputs: what caches hold

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

// What a call needs room for.
enum Slot : size_t { kFirst, kSecond, kResult, kWorkSpace, kSlots };

// Memory of a thread that lasts: pages that the system has to find and clear took longer than the arithmetic.
float* scratch(Slot slot, size_t bytes) {
  static thread_local std::array<torch::Tensor, kSlots> kept;
  const auto count = static_cast<int64_t>((bytes + sizeof(float) - 1) / sizeof(float));
  if (!kept[slot].defined() || kept[slot].numel() < count) {
    kept[slot] = torch::Tensor();  // not both at once
    kept[slot] = at::empty({count}, torch::kFloat32);
  }
  return kept[slot].data_ptr<float>();
}

bool winograd_is_for(const torch::Tensor& x, const torch::Tensor& weight, ConvolutionGeometry g) {
  if (g != ConvolutionGeometry{1, 1} || x.dim() != 4 || weight.dim() != 4 || !x.is_cpu() ||
      x.scalar_type() != torch::kFloat32 || weight.scalar_type() != torch::kFloat32 ||
      x.size(1) != weight.size(1))
    return false;
  const auto enough = [](int64_t channels) {
    return channels >= kLeastChannels && channels % 16 == 0;
  };
  return weight.size(2) == 3 && weight.size(3) == 3 && enough(weight.size(0)) &&
         enough(weight.size(1)) && x.size(2) >= kLeastSide && x.size(3) >= kLeastSide &&
         weight.is_contiguous() && x.is_contiguous(at::MemoryFormat::ChannelsLast);
}

// The convolution of some samples, and its gradients. Arrays of samples are channels last.
class Winograd {
 public:
  Winograd(int64_t samples, const torch::Tensor& x, const torch::Tensor& weight)
      : x_{any({samples, x.size(1), x.size(2), x.size(3)})},
        weight_{any(Dims(weight.sizes().begin(), weight.sizes().end()))},
        y_{any({samples, weight.size(0), x.size(2), x.size(3)})},
        stream_(engine()),
        forward_({dnnl::prop_kind::forward_training,
                  kAlgorithm,
                  x_,
                  weight_,
                  y_,
                  {1, 1},
                  {1, 1},
                  {1, 1}},
                 own_work_space(), engine(), /*allow_empty=*/true) {}

  // Whether this processor has it: where it has one of the three, it has all.
  explicit operator bool() const { return static_cast<bool>(forward_); }

  void product(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& y) {
    run<dnnl::convolution_forward>(
        forward_, {DNNL_ARG_SRC, plain(x, Tag::nhwc), forward_.src_desc()},
        {DNNL_ARG_WEIGHTS, plain(weight, Tag::oihw), forward_.weights_desc()},
        {DNNL_ARG_DST, plain(y, Tag::nhwc), forward_.dst_desc()});
  }

  void input_gradient(const torch::Tensor& above, const torch::Tensor& weight,
                      const torch::Tensor& gradient) {
    const dnnl::convolution_backward_data::primitive_desc backward(
        {kAlgorithm, x_, weight_, y_, {1, 1}, {1, 1}, {1, 1}}, own_work_space(), engine(),
        forward_);
    run<dnnl::convolution_backward_data>(
        backward, {DNNL_ARG_DIFF_DST, plain(above, Tag::nhwc), backward.diff_dst_desc()},
        {DNNL_ARG_WEIGHTS, plain(weight, Tag::oihw), backward.weights_desc()},
        {DNNL_ARG_DIFF_SRC, plain(gradient, Tag::nhwc), backward.diff_src_desc()});
  }

  void weight_gradient(const torch::Tensor& above, const torch::Tensor& x,
                       const torch::Tensor& gradient) {
    const dnnl::convolution_backward_weights::primitive_desc backward(
        {kAlgorithm, x_, weight_, y_, {1, 1}, {1, 1}, {1, 1}}, own_work_space(), engine(),
        forward_);
    run<dnnl::convolution_backward_weights>(
        backward, {DNNL_ARG_DIFF_DST, plain(above, Tag::nhwc), backward.diff_dst_desc()},
        {DNNL_ARG_SRC, plain(x, Tag::nhwc), backward.src_desc()},
        {DNNL_ARG_DIFF_WEIGHTS, plain(gradient, Tag::oihw), backward.diff_weights_desc()});
  }

 private:
  // One of a primitive's arrays, and the layout in which the primitive wants it.
  struct Operand {
    int argument;
    dnnl::memory array;
    dnnl::memory::desc wanted;
  };

  template <class Primitive, class Description>
  void run(const Description& description, const Operand& first, const Operand& second,
           const Operand& result) {
    const auto a = place(first, kFirst), b = place(second, kSecond), made = place(result, kResult);
    const auto space = description.scratchpad_desc();
    put(first.array, a);
    put(second.array, b);
    Primitive(description)
        .execute(stream_,
                 {{first.argument, a},
                  {second.argument, b},
                  {result.argument, made},
                  {DNNL_ARG_SCRATCHPAD, {space, engine(), scratch(kWorkSpace, space.get_size())}}});
    put(made, result.array);
  }
  static dnnl::memory::desc any(const Dims& dims) {
    return {dims, dnnl::memory::data_type::f32, Tag::any};
  }
  static dnnl::primitive_attr own_work_space() {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    return attributes;
  }
  static dnnl::memory plain(const torch::Tensor& array, Tag tag) {
    return {{{array.sizes().begin(), array.sizes().end()}, dnnl::memory::data_type::f32, tag},
            engine(),
            array.data_ptr<float>()};
  }
  // Where an array in its wanted layout goes: the array itself, or scratch memory.
  static dnnl::memory place(const Operand& operand, Slot slot) {
    if (operand.array.get_desc() == operand.wanted) return operand.array;
    return {operand.wanted, engine(), scratch(slot, operand.wanted.get_size())};
  }
  void put(dnnl::memory from, dnnl::memory to) {
    if (from.get_data_handle() != to.get_data_handle())
      dnnl::reorder(from, to).execute(stream_, from, to);
    stream_.wait();
  }

  dnnl::memory::desc x_, weight_, y_;
  dnnl::stream stream_;
  dnnl::convolution_forward::primitive_desc forward_;
};

// Calls step(winograd, first, count) for some samples after others; false where this convolution is another's.
template <class Step>
bool by_winograd(const torch::Tensor& x, const torch::Tensor& weight, ConvolutionGeometry g,
                 const Step& step) {
  if (!winograd_is_for(x, weight, g)) return false;
  const int64_t of_one = (x.size(1) + weight.size(0)) * x.size(2) * x.size(3);
  const int64_t at_once = std::max<int64_t>(1, kNumbersAtOnce / of_one);
  try {
    for (int64_t first = 0; first < x.size(0); first += at_once) {
      const int64_t count = std::min(at_once, x.size(0) - first);
      Winograd winograd(count, x, weight);
      if (!winograd) return false;
      step(winograd, first, count);
    }
  } catch (const dnnl::error& error) {
    fail("convolution: oneDNN: {}", error.what());
  }
  return true;
}

std::optional<torch::Tensor> winograd_product(const torch::Tensor& x, const torch::Tensor& weight,
                                              ConvolutionGeometry g) {
  torch::Tensor y;
  const bool done =
      by_winograd(x, weight, g, [&](Winograd& winograd, int64_t first, int64_t count) {
        if (!y.defined()) {
          y = at::empty({x.size(0), weight.size(0), x.size(2), x.size(3)}, x.options(),
                        at::MemoryFormat::ChannelsLast);
        }
        winograd.product(x.narrow(0, first, count), weight, y.narrow(0, first, count));
      });
  return done ? std::optional(y) : std::nullopt;
}

std::optional<torch::Tensor> winograd_gradients(const torch::Tensor& output_gradient,
                                                const torch::Tensor& x, const torch::Tensor& weight,
                                                ConvolutionGeometry g, bool of_input,
                                                torch::Tensor* of_weight) {
  torch::Tensor above, input, part;
  const bool done =
      by_winograd(x, weight, g, [&](Winograd& winograd, int64_t first, int64_t count) {
        if (!above.defined()) {
          above = output_gradient.contiguous(at::MemoryFormat::ChannelsLast);
          if (of_input) input = at::empty_like(x);
        }
        const auto above_some = above.narrow(0, first, count);
        if (of_input) winograd.input_gradient(above_some, weight, input.narrow(0, first, count));
        if (of_weight == nullptr) return;
        const auto x_some = x.narrow(0, first, count);
        if (first == 0) {
          winograd.weight_gradient(above_some, x_some, *of_weight);
          return;
        }
        if (!part.defined()) part = at::empty_like(*of_weight);
        winograd.weight_gradient(above_some, x_some, part);
        of_weight->add_(part);
      });
  return done ? std::optional(input) : std::nullopt;
}
#else
std::optional<torch::Tensor> winograd_product(const torch::Tensor&, const torch::Tensor&,
                                              ConvolutionGeometry) {
  return std::nullopt;
}
std::optional<torch::Tensor> winograd_gradients(const torch::Tensor&, const torch::Tensor&,
                                                const torch::Tensor&, ConvolutionGeometry, bool,
                                                torch::Tensor*) {
  return std::nullopt;
}
#endif

}  // namespace

torch::Tensor convolution_product(const torch::Tensor& x, const torch::Tensor& weight,
                                  ConvolutionGeometry g) {
  if (auto y = winograd_product(x, weight, g)) return *y;
  return at::convolution(x, weight, {}, {g.stride, g.stride}, {g.padding, g.padding}, {1, 1}, false,
                         {0, 0}, 1);
}

torch::Tensor convolution_gradients(const torch::Tensor& output_gradient, const torch::Tensor& x,
                                    const torch::Tensor& weight, ConvolutionGeometry g,
                                    bool of_input, torch::Tensor* of_weight) {
  if (auto input = winograd_gradients(output_gradient, x, weight, g, of_input, of_weight))
    return *input;
  const auto [input, of_weights, of_bias] = at::convolution_backward(
      output_gradient, x, weight, {}, {g.stride, g.stride}, {g.padding, g.padding}, {1, 1}, false,
      {0, 0}, 1, {of_input, of_weight != nullptr, false});
  if (of_weight != nullptr) of_weight->copy_(of_weights);
  return input;
}

}  // namespace expunge
