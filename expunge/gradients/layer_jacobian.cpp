#include "expunge/gradients/layer_jacobian.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/bmm.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>

#include "expunge/core/gemm.h"

namespace expunge {
namespace {

torch::Tensor divided(const torch::Tensor& x, const std::optional<DampedMoment>& moment) {
  return moment ? moment->divide(x) : x;
}

class LinearJacobian final : public LayerJacobian {
 public:
  LinearJacobian(const LayerRows& rows, const torch::Tensor& samples,
                 const KroneckerCurvature::Factors& factors)
      : rows_(rows), samples_(samples), factors_(factors) {
    design_ = design(rows);
    divided_design_ = divided(design_, factors.inputs);
  }

  void add_gram(torch::Tensor& gram) const override {
    const auto inputs = product(divided_design_, false, design_, true);
    const auto gradients =
        product(divided(rows_.gradients, factors_.gradients), false, rows_.gradients, true);
    const auto samples = samples_.to(gram.device());
    gram.addcmul_(gradients, inputs.index_select(0, samples).index_select(1, samples));
  }

  void write_transposed_times(const torch::Tensor& coefficients) const override {
    const auto by_sample = sums_by_sample(rows_.gradients * coefficients.unsqueeze(1));
    const auto change =
        product(divided(by_sample, factors_.gradients), true, divided_design_, false);
    const auto parameters = rows_.layer->parameters();
    const int64_t in = rows_.inputs.size(1);
    parameters[0]->gradient.copy_(change.narrow(1, 0, in));
    if (parameters.size() > 1) parameters[1]->gradient.copy_(change.select(1, in));
  }

 private:
  // (R, out) -> (P, out). On a CUDA device by a product with 0 and 1, in which order is fixed.
  [[nodiscard]] torch::Tensor sums_by_sample(const torch::Tensor& rows) const {
    if (!rows.is_cpu()) {
      const auto samples = at::arange(design_.size(0), rows.options().dtype(torch::kInt64));
      const auto belongs =
          samples.unsqueeze(1).eq(samples_.to(rows.device())).to(rows.scalar_type());
      return product(belongs, false, rows, false);
    }
    auto sums = at::zeros({design_.size(0), rows.size(1)}, design_.options());
    sums.index_add_(0, samples_, rows);
    return sums;
  }

  const LayerRows& rows_;
  const torch::Tensor& samples_;
  const KroneckerCurvature::Factors& factors_;
  torch::Tensor design_;          // (P, d)
  torch::Tensor divided_design_;  // M_A^-1 of it
};

// Calls visit(sample, first row, rows) for each sample's rows.
template <class Visit>
void for_each_sample(const torch::Tensor& samples, const Visit& visit) {
  const auto* of = samples.data_ptr<int64_t>();
  for (int64_t first = 0, end = 0; first < samples.size(0); first = end) {
    while (end < samples.size(0) && of[end] == of[first]) ++end;
    visit(of[first], first, end - first);
  }
}

// The same for runs of samples with equally many rows: visit(first sample, samples, first row, rows each).
template <class Visit>
void for_each_run(const torch::Tensor& samples, const Visit& visit) {
  int64_t run_sample = 0;
  int64_t run_samples = 0;
  int64_t run_first = 0;
  int64_t run_rows = 0;
  for_each_sample(samples, [&](int64_t sample, int64_t first, int64_t count) {
    if (run_samples > 0 && count == run_rows && sample == run_sample + run_samples) {
      ++run_samples;
      return;
    }
    if (run_samples > 0) visit(run_sample, run_samples, run_first, run_rows);
    run_sample = sample;
    run_samples = 1;
    run_first = first;
    run_rows = count;
  });
  if (run_samples > 0) visit(run_sample, run_samples, run_first, run_rows);
}

class ConvolutionJacobian final : public LayerJacobian {
 public:
  ConvolutionJacobian(const LayerRows& rows, const torch::Tensor& samples,
                      const KroneckerCurvature::Factors& factors)
      : rows_(rows),
        samples_(samples),
        factors_(factors),
        gradients_(rows.gradients.flatten(2).contiguous()) {}

  void add_gram(torch::Tensor& gram) const override {
    const auto patches = design(rows_);
    const auto turned = factors_.gradients ? over_channels(gradients_) : gradients_;
    const int64_t rows = gradients_.size(0);
    const int64_t channels = gradients_.size(1);
    constexpr int64_t block_bytes = int64_t{256} << 20;
    const int64_t channel_bytes = rows * patches.size(1) * patches.element_size();
    const int64_t block = std::clamp<int64_t>(block_bytes / channel_bytes, 1, channels);
    for (int64_t begin = 0; begin < channels; begin += block) {
      const int64_t count = std::min(block, channels - begin);
      const auto right = weight_rows(gradients_.narrow(1, begin, count), patches);
      auto left = factors_.gradients ? weight_rows(turned.narrow(1, begin, count), patches) : right;
      left = divided(left.view({rows * count, -1}), factors_.inputs).view({rows, -1});
      gemm(left, false, right.view({rows, -1}), true, gram, 1, 1);
    }
  }

  void write_transposed_times(const torch::Tensor& coefficients) const override {
    const auto patches = design(rows_);
    auto change = at::zeros({gradients_.size(1), patches.size(1)}, patches.options());
    if (!patches.is_cpu()) {
      // Samples' gradients side by side, so that all positions of all samples are one product.
      for_each_run(samples_, [&](int64_t sample, int64_t count, int64_t first, int64_t rows) {
        const auto c = coefficients.narrow(0, first, count * rows).view({-1, 1, 1});
        const auto gradient = (gradients_.narrow(0, first, count * rows) * c)
                                  .view({count, rows, gradients_.size(1), -1})
                                  .sum(1);
        change += product(positions_as_rows(gradient), true,
                          positions_as_rows(patches.narrow(0, sample, count)), false);
      });
    } else {
      for_each_sample(samples_, [&](int64_t sample, int64_t first, int64_t count) {
        const auto c = coefficients.narrow(0, first, count).view({-1, 1, 1});
        const auto gradient = (gradients_.narrow(0, first, count) * c).sum(0);
        gemm(gradient, false, patches[sample], true, change, 1, 1);
      });
    }
    change = divided(change, factors_.inputs);
    change = divided(change.t().contiguous(), factors_.gradients).t();
    auto& weight = *rows_.layer->parameters()[0];
    weight.gradient.copy_(change.reshape(weight.shape));
  }

 private:
  // G (R, out, T) -> M_G^-1 G.
  torch::Tensor over_channels(const torch::Tensor& gradients) const {
    const auto by_position = gradients.transpose(1, 2).contiguous();
    return factors_.gradients->divide(by_position.view({-1, gradients.size(1)}))
        .view(by_position.sizes())
        .transpose(1, 2)
        .contiguous();
  }

  // (R, channels, T) -> (R, channels, d): each row's gradient of these channels' weights.
  torch::Tensor weight_rows(const torch::Tensor& gradients, const torch::Tensor& patches) const {
    auto rows =
        at::empty({gradients.size(0), gradients.size(1), patches.size(1)}, patches.options());
    if (!patches.is_cpu()) {
      for_each_run(samples_, [&](int64_t sample, int64_t count, int64_t first, int64_t each) {
        const auto part =
            gradients.narrow(0, first, count * each).reshape({count, each * gradients.size(1), -1});
        rows.narrow(0, first, count * each)
            .copy_(at::bmm(part, patches.narrow(0, sample, count).transpose(1, 2))
                       .view({count * each, gradients.size(1), -1}));
      });
      return rows;
    }
    for_each_sample(samples_, [&](int64_t sample, int64_t first, int64_t count) {
      const auto part = gradients.narrow(0, first, count).reshape({count * gradients.size(1), -1});
      auto out = rows.narrow(0, first, count).view({count * gradients.size(1), -1});
      gemm(part, false, patches[sample], true, out);
    });
    return rows;
  }

  // Patches (P, d, T), many times the layer's inputs, are made in each product and not kept.
  const LayerRows& rows_;
  const torch::Tensor& samples_;
  const KroneckerCurvature::Factors& factors_;
  torch::Tensor gradients_;  // (R, out, T)
};

class BatchNormJacobian final : public LayerJacobian {
 public:
  BatchNormJacobian(const LayerRows& rows, const torch::Tensor& samples,
                    const KroneckerCurvature::Factors& factors)
      : factors_(factors), layer_(*rows.layer) {
    const auto both = batch_norm_gradients(rows, samples);
    weight_ = both.narrow(1, 0, both.size(1) / 2).contiguous();
    bias_ = both.narrow(1, both.size(1) / 2, both.size(1) / 2).contiguous();
  }

  void add_gram(torch::Tensor& gram) const override {
    gemm(scaled(weight_, factors_.weight), false, weight_, true, gram, 1, 1);
    gemm(scaled(bias_, factors_.bias), false, bias_, true, gram, 1, 1);
  }

  void write_transposed_times(const torch::Tensor& coefficients) const override {
    const auto parameters = layer_.parameters();
    parameters[0]->gradient.copy_(scaled(weight_.t().mv(coefficients), factors_.weight));
    parameters[1]->gradient.copy_(scaled(bias_.t().mv(coefficients), factors_.bias));
  }

 private:
  static torch::Tensor scaled(const torch::Tensor& x, const torch::Tensor& by) {
    return by.defined() ? x * by : x;
  }

  const KroneckerCurvature::Factors& factors_;
  Layer& layer_;
  torch::Tensor weight_;  // (R, channels): gradients of the weight
  torch::Tensor bias_;    // (R, channels)
};

}  // namespace

std::unique_ptr<LayerJacobian> layer_jacobian(const LayerRows& rows, const torch::Tensor& samples,
                                              const KroneckerCurvature::Factors* factors) {
  static const KroneckerCurvature::Factors identity;
  const auto& f = factors == nullptr ? identity : *factors;
  switch (kind_of(*rows.layer)) {
    case LayerKind::linear:
      return std::make_unique<LinearJacobian>(rows, samples, f);
    case LayerKind::convolution:
      return std::make_unique<ConvolutionJacobian>(rows, samples, f);
    case LayerKind::batch_norm:
      return std::make_unique<BatchNormJacobian>(rows, samples, f);
  }
  return nullptr;
}

}  // namespace expunge
