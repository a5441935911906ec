#include "expunge/attribution/mask_gram.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_cholesky_ex.h>

#include <numeric>

#include "expunge/attribution/bit_rows.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

void require_varying(int64_t example, int64_t seen, int64_t models) {
  if (seen > 0 && seen < models) return;
  fail<InputError>(
      "the effect of training example {} is not identified: some subset models that saw it and "
      "some that did not required, got {} of {} that saw it",
      example, seen, models);
}

}  // namespace

MaskDesign mask_design(const torch::Tensor& masks, int64_t workers) {
  require_masks(masks);
  const int64_t models = masks.size(0);
  const int64_t n = masks.size(1);
  const auto packed = pack_rows(masks, workers);

  std::vector<int64_t> kept(static_cast<size_t>(models));
  for (int64_t i = 0; i < models; ++i)
    kept[static_cast<size_t>(i)] = common_bits(packed.row(i), packed.row(i), packed.words);
  const auto total = std::accumulate(kept.begin(), kept.end(), int64_t{0});
  if (total == 0 || total == models * n) {
    fail<InputError>(
        "masks: models that differ in the examples they saw required, got masks that are all {}",
        total == 0 ? "false" : "true");
  }

  MaskDesign design;
  design.alpha = static_cast<double>(total) / static_cast<double>(models * n);
  design.gram = torch::empty({models, models}, torch::kFloat64);
  auto* gram = design.gram.data_ptr<double>();
  const double a = design.alpha;
  parallel_for(models, workers, [&](int64_t i) {
    std::vector<int32_t> both(static_cast<size_t>(i + 1));
    common_bits(packed.row(i), packed, 0, i + 1, both.data());
    for (int64_t k = 0; k <= i; ++k) {
      const auto sum =
          static_cast<double>(kept[static_cast<size_t>(i)] + kept[static_cast<size_t>(k)]);
      gram[i * models + k] = gram[k * models + i] =
          both[static_cast<size_t>(k)] - a * sum + a * a * static_cast<double>(n);
    }
  });
  return design;
}

torch::Tensor factorised(const MaskDesign& design, double lambda) {
  auto system = design.gram.clone();
  system.diagonal() += lambda;
  torch::Tensor factor;
  torch::Tensor info;
  on_one_thread([&] { std::tie(factor, info) = at::linalg_cholesky_ex(system); });
  if (info.item<int>() != 0) {
    fail<InputError>(
        "attribution: A A' + lambda I is not positive definite with lambda {}; a "
        "larger lambda required",
        lambda);
  }
  return factor.contiguous();
}

void require_masks(const torch::Tensor& masks) {
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool || masks.size(0) < 2 ||
      masks.size(1) < 1) {
    fail<InputError>("masks: (models, examples) bool of at least 2 models required, got ({}) of {}",
                     fmt::join(masks.sizes(), ", "), toString(masks.scalar_type()));
  }
}

void require_varying(const torch::Tensor& masks, std::span<const int64_t> examples) {
  for (const int64_t j : examples)
    require_varying(j, masks.select(1, j).sum().item<int64_t>(), masks.size(0));
}

void require_varying(const torch::Tensor& masks) {
  const auto sum = masks.sum(0);
  const auto* seen = sum.data_ptr<int64_t>();
  for (int64_t j = 0; j < masks.size(1); ++j) require_varying(j, seen[j], masks.size(0));
}

std::vector<std::vector<int64_t>> left_out(const torch::Tensor& masks) {
  std::vector<std::vector<int64_t>> sets;
  for (int64_t i = 0; i < masks.size(0); ++i) {
    const auto out = masks[i].logical_not().nonzero().flatten();
    sets.emplace_back(out.data_ptr<int64_t>(), out.data_ptr<int64_t>() + out.numel());
  }
  return sets;
}

}  // namespace expunge
