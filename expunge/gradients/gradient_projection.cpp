#include "expunge/gradients/gradient_projection.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/random.h"
#include "expunge/train/convolution.h"

namespace expunge {
namespace {

constexpr int64_t columns_of_block = 128;              // signs of one Philox block
constexpr int64_t columns_at_once = 512;               // of P
constexpr int64_t product_numbers_at_once = 16 << 20;  // of a convolution's products

// The eight signs of each byte.
const std::array<std::array<float, 8>, 256>& signs_of_bytes() {
  static const auto table = [] {
    std::array<std::array<float, 8>, 256> t{};
    for (size_t byte = 0; byte < t.size(); ++byte) {
      for (size_t bit = 0; bit < 8; ++bit) t[byte][bit] = ((byte >> bit) & 1U) != 0 ? 1.0F : -1.0F;
    }
    return t;
  }();
  return table;
}

// Signs of some columns of one layer's part of P.
class Signs {
 public:
  Signs(uint64_t seed, size_t layer, int64_t begin, int64_t count, torch::ScalarType dtype)
      : seed_(seed), layer_(layer), begin_(begin), count_(count), dtype_(dtype) {}

  [[nodiscard]] torch::Tensor outputs(int64_t rows) const { return of("outputs", rows); }
  [[nodiscard]] torch::Tensor inputs(int64_t rows) const { return of("inputs", rows); }

 private:
  [[nodiscard]] torch::Tensor of(const char* side, int64_t rows) const {
    return random_signs(rows, begin_, count_, derive_seed(seed_, side, layer_)).to(dtype_);
  }

  uint64_t seed_;
  size_t layer_;
  int64_t begin_, count_;
  torch::ScalarType dtype_;
};

void add_linear(const torch::Tensor& inputs, const LayerRows& rows, const torch::Tensor& samples,
                const Signs& signs, torch::Tensor out) {
  const auto a = product(inputs, false, signs.inputs(inputs.size(1)), false);
  out.addcmul_(by_row(a, samples),
               product(rows.gradients, false, signs.outputs(rows.gradients.size(1)), false));
}

// sum over positions t of (r_i'g_t)(s_i'a_t): patches (P, d, T) of rows with gradients (r, out, T).
void add_by_positions(const torch::Tensor& patches, const torch::Tensor& gradients,
                      const torch::Tensor& samples, const Signs& signs, torch::Tensor out) {
  const auto by_position = [](const torch::Tensor& x, const torch::Tensor& s) {
    return product(positions_as_rows(x), false, s, false).view({x.size(0), x.size(2), -1});
  };
  const auto a = by_position(patches, signs.inputs(patches.size(1)));
  const auto g = by_position(gradients, signs.outputs(gradients.size(1)));
  out += (by_row(a, samples) * g).sum(1);
}

// r_i'(W s_i) of weights' gradients W (r, out, d).
void add_by_weights(const torch::Tensor& weights, const Signs& signs, torch::Tensor out) {
  const auto products = product(weights.flatten(0, 1), false, signs.inputs(weights.size(2)), false);
  const auto by_output = products.view({weights.size(0), weights.size(1), -1});
  out += (by_output * signs.outputs(weights.size(1))).sum(1);
}

// Either by positions or by weights, whichever takes fewer multiplications.
void add_convolution(const LayerRows& rows, const torch::Tensor& samples, uint64_t seed,
                     size_t layer, torch::Tensor& out) {
  const auto& shape = dynamic_cast<const Convolution&>(*rows.layer).shape();
  const int64_t inputs = shape.in * shape.kernel * shape.kernel;
  const int64_t positions = rows.gradients.size(2) * rows.gradients.size(3);
  const bool by_positions = positions * (inputs + shape.out) <= inputs * shape.out;
  const int64_t numbers = (by_positions ? positions : shape.out) * (columns_at_once + inputs);
  const int64_t block = std::max<int64_t>(1, product_numbers_at_once / numbers);
  for (int64_t first = 0; first < samples.size(0); first += block) {
    const int64_t count = std::min(block, samples.size(0) - first);
    torch::Tensor weights, patches, of;
    if (by_positions) {
      of = samples.narrow(0, first, count);
      const int64_t begin = of[0].item<int64_t>();
      const int64_t end = of[count - 1].item<int64_t>() + 1;
      patches = design({.layer = rows.layer,
                        .inputs = rows.inputs.narrow(0, begin, end - begin),
                        .gradients = {}});
      of = of - begin;
    } else {
      weights = convolution_gradients(rows, samples, first, count);
    }
    for (int64_t begin = 0; begin < out.size(1); begin += columns_at_once) {
      const int64_t columns = std::min(columns_at_once, out.size(1) - begin);
      const Signs signs(seed, layer, begin, columns, out.scalar_type());
      const auto to = out.narrow(0, first, count).narrow(1, begin, columns);
      if (by_positions) {
        add_by_positions(patches, rows.gradients.narrow(0, first, count).flatten(2), of, signs, to);
      } else {
        add_by_weights(weights, signs, to);
      }
    }
  }
}

}  // namespace

torch::Tensor random_signs(int64_t rows, int64_t begin, int64_t count, uint64_t seed) {
  auto signs = at::empty({rows, count}, torch::kFloat32);
  const auto& table = signs_of_bytes();
  auto* out = signs.data_ptr<float>();
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed),
                                       static_cast<uint32_t>(seed >> 32)};
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < count; j += columns_of_block) {
      const auto block = static_cast<uint64_t>((begin + j) / columns_of_block);
      const auto words =
          philox_block({static_cast<uint32_t>(i), static_cast<uint32_t>(i >> 32),
                        static_cast<uint32_t>(block), static_cast<uint32_t>(block >> 32)},
                       key);
      std::array<float, columns_of_block> expanded{};
      for (size_t byte = 0; byte < columns_of_block / 8; ++byte) {
        const auto value = (words[byte / 4] >> (8 * (byte % 4))) & 0xffU;
        std::memcpy(&expanded[8 * byte], table[value].data(), sizeof(table[value]));
      }
      const auto wanted = static_cast<size_t>(std::min(columns_of_block, count - j));
      std::memcpy(out + i * count + j, expanded.data(), wanted * sizeof(float));
    }
  }
  return signs;
}

torch::Tensor GradientProjection::project(const RowCollector& rows) const {
  const auto& samples = rows.samples_of_rows();
  const auto& layers = rows.layers();
  auto out = at::zeros({samples.size(0), dimensions_}, layers.front().gradients.options());
  for (size_t l = 0; l < layers.size(); ++l) {
    const auto kind = kind_of(*layers[l].layer);
    if (kind == LayerKind::convolution) {
      add_convolution(layers[l], samples, seed_, l, out);
      continue;
    }
    const bool norm = kind == LayerKind::batch_norm;
    const auto x = norm ? batch_norm_gradients(layers[l], samples) : design(layers[l]);
    for (int64_t begin = 0; begin < dimensions_; begin += columns_at_once) {
      const int64_t count = std::min(columns_at_once, dimensions_ - begin);
      const Signs signs(seed_, l, begin, count, out.scalar_type());
      auto to = out.narrow(1, begin, count);
      if (norm) {
        to += product(x, false, signs.inputs(x.size(1)), false);
      } else {
        add_linear(x, layers[l], samples, signs, to);
      }
    }
  }
  return out.div_(std::sqrt(static_cast<double>(dimensions_)));
}

void GradientProjection::write_back(const torch::Tensor& w, const RowCollector& rows) const {
  if (w.dim() != 1 || w.size(0) != dimensions_)
    fail("gradient projection: ({}) required, got {}", dimensions_, c10::str(w.sizes()));
  const auto& layers = rows.layers();
  for (size_t l = 0; l < layers.size(); ++l) {
    const auto parameters = layers[l].layer->parameters();
    const auto& first = *parameters[0];
    const bool norm = kind_of(*layers[l].layer) == LayerKind::batch_norm;
    const bool with_bias = !norm && parameters.size() > 1;
    const int64_t out = norm ? 1 : first.shape[0];
    const int64_t in = norm ? 2 * first.shape[0] : first.value.numel() / out + (with_bias ? 1 : 0);
    auto change = at::zeros({out, in}, w.options());
    for (int64_t begin = 0; begin < dimensions_; begin += columns_at_once) {
      const int64_t count = std::min(columns_at_once, dimensions_ - begin);
      const Signs signs(seed_, l, begin, count, w.scalar_type());
      const auto part = w.narrow(0, begin, count) / std::sqrt(static_cast<double>(dimensions_));
      const auto left = norm ? part.unsqueeze(0) : signs.outputs(out) * part;
      gemm(left, false, signs.inputs(in), true, change, 1, 1);
    }
    const int64_t own = norm ? first.shape[0] : in - (with_bias ? 1 : 0);
    first.gradient.copy_(change.narrow(1, 0, own).reshape(first.shape));
    if (parameters.size() > 1)
      parameters[1]->gradient.copy_(change.narrow(1, own, in - own).flatten());
  }
}

}  // namespace expunge
