#include "expunge/attribution/subset_datamodels.h"

#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_solve_triangular.h>
#include <ATen/ops/zeros.h>

#include "expunge/attribution/group_moments.h"
#include "expunge/attribution/local_effects.h"
#include "expunge/attribution/mask_gram.h"
#include "expunge/attribution/own_effect_shrinkage.h"
#include "expunge/attribution/weighted_sums.h"
#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/simd.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

// sums[j][c] += weight[j] * values[j][c].
EXPUNGE_VECTOR_CLONES
void add_rows(const float* weight, const float* values, int64_t rows, int64_t classes,
              float* sums) {
  for (int64_t j = 0; j < rows; ++j) {
    for (int64_t c = 0; c < classes; ++c)
      sums[j * classes + c] += weight[j] * values[j * classes + c];
  }
}

// M[:, begin:end] - alpha, float64.
torch::Tensor design_columns(const torch::Tensor& masks, double alpha, int64_t begin, int64_t end) {
  return masks.slice(1, begin, end).to(torch::kFloat64) - alpha;
}

// Training examples of one block of the fit: its columns stay in the caches.
constexpr int64_t block_examples = 256;

// How far an own effect may stray, in standard deviations, from the one that is unbiased, and by shrinkage from
// the one beside its neighbours. Chosen on images, subsets and seeds that no reported figure uses
// (docs/experiments/own-effects.md).
constexpr double unbiased_deviations = 1.75;
constexpr double local_deviations = 0.75;

}  // namespace

SubsetDatamodels::SubsetDatamodels(torch::Tensor masks, torch::Tensor logits,
                                   const RidgeOptions& options)
    : masks_(std::move(masks)), logits_(std::move(logits)), options_(options) {
  options_.validate();
  if (masks_.dim() != 2 || masks_.scalar_type() != torch::kBool) {
    fail<InputError>("masks: (models, examples) of bool required, got ({}) of {}",
                     fmt::join(masks_.sizes(), ", "), toString(masks_.scalar_type()));
  }
  const auto dtype = logits_.scalar_type();
  if (logits_.dim() != 3 || (dtype != torch::kFloat16 && dtype != torch::kFloat32)) {
    fail<InputError>(
        "logits: (models, points, classes) of float16 or float32 required, got ({}) "
        "of {}",
        fmt::join(logits_.sizes(), ", "), toString(dtype));
  }
  if (logits_.size(0) != masks_.size(0)) {
    fail<InputError>("logits: one row for each of the {} masks required, got {}", masks_.size(0),
                     logits_.size(0));
  }
  if (logits_.size(1) < masks_.size(1) || logits_.size(2) < 1) {
    fail<InputError>(
        "logits: at least {} points required, the training examples first, got {} points of {} "
        "classes",
        masks_.size(1), logits_.size(1), logits_.size(2));
  }
  masks_ = masks_.contiguous();
  logits_ = logits_.contiguous();
  options_.prior = resolved_prior(options_.prior, masks_.size(0), masks_.size(1), logits_.size(2));
  if (options_.prior == EffectPrior::self)
    self_variance_ = options_.self_variance.value_or(0.03 * static_cast<double>(masks_.size(1)));
}

SubsetDatamodels SubsetDatamodels::fit(const torch::Tensor& masks, const torch::Tensor& logits,
                                       const RidgeOptions& options) {
  SubsetDatamodels fitted(masks, logits, options);
  const auto design = mask_design(fitted.masks_, options.workers);
  fitted.alpha_ = design.alpha;
  fitted.lambda_ =
      choose_lambda(fitted.masks_, fitted.logits_, design, fitted.options_, fitted.self_variance_);
  fitted.factor_ = factorised(design, fitted.lambda_.lambda);
  fitted.estimate_own_effects();
  return fitted;
}

// t of every training example, block by block: q = G^-1 a from the two triangular solves of G = L
// L', a'q as the squared length of L^-1 a, and q'y as a sum over models. The mean over models is
// taken off q instead of the logits, which is the same.
void SubsetDatamodels::estimate_own_effects() {
  const int64_t n = masks_.size(1);
  const int64_t models = masks_.size(0);
  const int64_t classes = logits_.size(2);
  own_effects_ = torch::zeros({n, classes}, torch::kFloat32);
  const bool self = options_.prior == EffectPrior::self;
  if (options_.prior == EffectPrior::none || (self && self_variance_ == 0)) return;
  const bool local = options_.prior == EffectPrior::local;
  const bool shrunk = local || options_.prior == EffectPrior::adaptive;
  OwnEffectEstimates estimates;
  if (shrunk) {
    estimates.variance = torch::zeros({n, classes}, torch::kFloat64);
    estimates.mean_logits = torch::zeros({n, classes}, torch::kFloat64);
  }
  const auto transposed = factor_.t();
  std::atomic<bool> finite{true};
  parallel_blocks(n, block_examples, options_.workers, [&](int64_t begin, int64_t end) {
    const int64_t count = end - begin;
    auto [x, q] = [&] {
      const BlasTurn turn;
      auto half = at::linalg_solve_triangular(factor_, design_columns(masks_, alpha_, begin, end),
                                              /*upper=*/false);
      auto whole = at::linalg_solve_triangular(transposed, half, /*upper=*/true);
      return std::pair(half, whole);
    }();
    q -= q.mean(0, true);
    auto divisor = x.square().sum(0);
    if (self) divisor += 1 / self_variance_;
    const auto weights = (q / divisor).to(torch::kFloat32).contiguous();

    std::vector<float> values(static_cast<size_t>(count * classes));
    auto* effects = own_effects_.data_ptr<float>() + begin * classes;
    std::optional<GroupMoments> moments;
    if (shrunk) moments.emplace(count, classes);
    for (int64_t i = 0; i < models; ++i) {
      if (!read_values(logits_, i, begin * classes, count * classes, values.data()))
        finite.store(false);
      add_rows(weights.data_ptr<float>() + i * count, values.data(), count, classes, effects);
      if (moments) moments->add(masks_.data_ptr<bool>() + i * n + begin, values.data());
    }
    if (moments) {
      const auto amplified = (q / divisor).square().sum(0).unsqueeze(1);
      estimates.variance.slice(0, begin, end).copy_(moments->variance() * amplified);
      estimates.mean_logits.slice(0, begin, end).copy_(moments->mean_seen());
    }
  });
  if (!finite.load()) {
    // Finds and names the value.
    weighted_sums(torch::zeros({1, models}), logits_, "logits", options_.workers);
  }
  if (!shrunk) return;
  estimates.effect = own_effects_.to(torch::kFloat64);
  const auto better = local ? shrunk_local_effects() : shrink_own_effects(estimates);
  own_effects_ = limit_translation(better, estimates, unbiased_deviations).to(torch::kFloat32);
}

torch::Tensor SubsetDatamodels::shrunk_local_effects() const {
  torch::Tensor gram;
  on_one_thread([&] { gram = factor_.matmul(factor_.t()); });
  const auto estimates =
      local_own_effects(masks_, logits_, gram, lambda_.lambda, {.workers = options_.workers});
  return limit_translation(shrink_own_effects(estimates), estimates, local_deviations);
}

torch::Tensor SubsetDatamodels::removal_shifts(
    std::span<const std::vector<int64_t>> removals) const {
  const int64_t n = masks_.size(1);
  const auto sets = static_cast<int64_t>(removals.size());
  auto v = torch::empty({masks_.size(0), sets}, torch::kFloat64);
  for (int64_t k = 0; k < sets; ++k) {
    const auto& removal = removals[static_cast<size_t>(k)];
    check_forget_set(removal, n, "removal set");
    if (options_.prior != EffectPrior::none) require_varying(masks_, removal);
    auto sum = torch::zeros({masks_.size(0)}, torch::kFloat64);
    for (const int64_t j : removal) sum += masks_.select(1, j);
    v.select(1, k).copy_(sum - alpha_ * static_cast<double>(removal.size()));
  }
  torch::Tensor w;  // (K, N)
  on_one_thread([&] { w = at::cholesky_solve(v, factor_).t().contiguous(); });
  auto shifts =
      weighted_sums((w - w.mean(1, true)).to(torch::kFloat32), logits_, "logits", options_.workers);
  shifts.neg_();
  if (options_.prior == EffectPrior::none) return shifts;

  // w'a of every training example.
  const auto wa = weighted_sums(w.to(torch::kFloat32), masks_, "masks", options_.workers) -
                  alpha_ * w.sum(1, true).to(torch::kFloat32);
  for (int64_t k = 0; k < sets; ++k) {
    const auto inside = forget_mask(removals[static_cast<size_t>(k)], n).to(torch::kFloat32);
    shifts[k].narrow(0, 0, n) += (wa[k] - inside).unsqueeze(1) * own_effects_;
  }
  return shifts;
}

}  // namespace expunge
