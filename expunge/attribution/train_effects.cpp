#include "expunge/attribution/train_effects.h"

#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>

#include "expunge/attribution/mask_gram.h"
#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// Numbers of a block that is converted to float64: 8 MiB.
constexpr int64_t block_values = 1 << 20;

int64_t block_of(int64_t width) {
  return std::max<int64_t>(8, block_values / std::max<int64_t>(1, width));
}

void check_shapes(const torch::Tensor& masks, const torch::Tensor& margins) {
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool || masks.size(1) < 2) {
    fail<InputError>(
        "masks: (models, examples) bool of at least 2 examples required, got ({}) of {}",
        fmt::join(masks.sizes(), ", "), toString(masks.scalar_type()));
  }
  if (margins.sizes() != masks.sizes() || margins.scalar_type() != torch::kFloat32) {
    fail<InputError>(
        "margins: ({}) of float32 required, of the training examples that the masks are of, got "
        "({}) of {}",
        fmt::join(masks.sizes(), ", "), fmt::join(margins.sizes(), ", "),
        toString(margins.scalar_type()));
  }
}

}  // namespace

TrainEffects::TrainEffects(torch::Tensor masks, torch::Tensor margins, const EffectOptions& options)
    : masks_(std::move(masks)), margins_(std::move(margins)), options_(options) {
  options_.validate();
  check_shapes(masks_, margins_);
  masks_ = masks_.contiguous();
  margins_ = margins_.contiguous();
}

TrainEffects TrainEffects::fit(const torch::Tensor& masks, const torch::Tensor& margins,
                               const EffectOptions& options) {
  auto effects = fit_any(masks, margins, options);
  require_varying(effects.masks_);
  return effects;
}

// Also where some examples do not vary.
TrainEffects TrainEffects::fit_any(const torch::Tensor& masks, const torch::Tensor& margins,
                                   const EffectOptions& options) {
  TrainEffects effects(masks, margins, options);
  const auto design = mask_design(effects.masks_, options.workers);
  effects.alpha_ = design.alpha;
  effects.find_means();
  if (!options.lambda_ratio && masks.size(0) < 4) {
    fail<OptionError>(
        "option lambda_ratio: must be set with fewer than 4 subset models, got auto with {}",
        masks.size(0));
  }
  const auto ridge = options.ridge(EffectPrior::none);
  effects.lambda_ = choose_lambda(effects.masks_, effects.margins_.unsqueeze(2), design, ridge, 0);
  effects.factor_ = factorised(design, effects.lambda_.lambda);
  effects.find_diagonal();
  return effects;
}

void TrainEffects::find_means() {
  means_ = at::empty({n()}, torch::kFloat64);
  parallel_blocks(n(), block_of(masks_.size(0)), options_.workers, [&](int64_t begin, int64_t end) {
    const auto part = margins_.slice(1, begin, end).to(torch::kFloat64);
    const auto finite = torch::isfinite(part);
    if (!finite.all().item<bool>()) {
      const auto at = torch::logical_not(finite).nonzero()[0];
      fail<NonFiniteError>("margins: finite values required, got NaN or infinity at [{}, {}]",
                           at[0].item<int64_t>(), begin + at[1].item<int64_t>());
    }
    means_.slice(0, begin, end).copy_(part.mean(0));
  });
}

void TrainEffects::find_diagonal() {
  diagonal_ = at::empty({n()}, torch::kFloat64);
  const int64_t models = masks_.size(0);
  parallel_blocks(n(), block_of(models), options_.workers, [&](int64_t begin, int64_t end) {
    const auto a = design(0, models, begin, end);
    const auto q = [&] {
      const BlasTurn turn;
      return at::cholesky_solve(a, factor_);
    }();
    diagonal_.slice(0, begin, end).copy_((q * centred(0, models, begin, end)).sum(0));
  });
}

torch::Tensor TrainEffects::design(int64_t begin, int64_t end, int64_t first, int64_t last) const {
  return masks_.slice(0, begin, end).slice(1, first, last).to(torch::kFloat64).sub_(alpha_);
}

torch::Tensor TrainEffects::centred(int64_t begin, int64_t end, int64_t first, int64_t last) const {
  const auto part = margins_.slice(0, begin, end).slice(1, first, last).to(torch::kFloat64);
  return part - means_.slice(0, first, last);
}

torch::Tensor TrainEffects::product(Part left, Part right, const torch::Tensor& x) const {
  const int64_t models = masks_.size(0);
  if (x.dim() != 2 || x.size(0) != n() || x.scalar_type() != torch::kFloat64) {
    fail<InputError>("train effects: ({}, k) of float64 required, got ({}) of {}", n(),
                     fmt::join(x.sizes(), ", "), toString(x.scalar_type()));
  }
  const auto columns = x.contiguous();
  // Each block writes rows of its own, so that sums do not depend on which worker is first.
  const auto inner = at::empty({models, x.size(1)}, torch::kFloat64);
  parallel_blocks(models, block_of(n()), options_.workers, [&](int64_t begin, int64_t end) {
    const auto part = (this->*left)(begin, end, 0, n()).contiguous();
    auto rows = inner.slice(0, begin, end);
    const BlasTurn turn;
    gemm(part, false, columns, false, rows);
  });
  torch::Tensor solved;
  on_one_thread([&] { solved = at::cholesky_solve(inner, factor_).contiguous(); });
  auto out = at::empty({n(), x.size(1)}, torch::kFloat64);
  parallel_blocks(n(), block_of(models), options_.workers, [&](int64_t begin, int64_t end) {
    const auto part = (this->*right)(0, models, begin, end).contiguous();
    auto rows = out.slice(0, begin, end);
    const BlasTurn turn;
    gemm(part, true, solved, false, rows);
    rows -= diagonal_.slice(0, begin, end).unsqueeze(1) * columns.slice(0, begin, end);
  });
  return out;
}

torch::Tensor TrainEffects::times(const torch::Tensor& x) const {
  return product(&TrainEffects::centred, &TrainEffects::design, x);
}

torch::Tensor TrainEffects::transposed_times(const torch::Tensor& x) const {
  return product(&TrainEffects::design, &TrainEffects::centred, x);
}

SingularTriplet TrainEffects::principal_component(int64_t component) const {
  const SquareMap map{
      .n = n(),
      .times = [this](const torch::Tensor& x) { return times(x); },
      .transposed_times = [this](const torch::Tensor& x) { return transposed_times(x); }};
  auto found = singular_triplet(map, component, static_cast<uint64_t>(options_.seed));
  const double sum = found.left.sum().item<double>();
  const double largest = found.left[found.left.abs().argmax()].item<double>();
  if ((std::abs(sum) > 1e-9 ? sum : largest) < 0) {
    found.left.neg_();
    found.right.neg_();
  }
  return found;
}

std::optional<double> TrainEffects::agreement_of_halves(int64_t component) const {
  const int64_t models = masks_.size(0);
  auto options = options_;
  options.lambda_ratio = lambda_.ratio;
  const auto vector_of = [&](int64_t begin, int64_t end) {
    return fit_any(masks_.slice(0, begin, end), margins_.slice(0, begin, end), options)
        .principal_component(component)
        .left;
  };
  try {
    const auto first = vector_of(0, models / 2);
    return std::abs(first.dot(vector_of(models / 2, models)).item<double>());
  } catch (const Interrupted&) {
    throw;
  } catch (const Error&) {
    return {};
  }
}

}  // namespace expunge
