#include "expunge/attribution/lasso_design.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>

#include "expunge/attribution/mask_gram.h"
#include "expunge/core/gemm.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

constexpr int64_t block_models = 64;  // of masks that are not held as floats

}  // namespace

LassoDesign LassoDesign::make(const torch::Tensor& masks, const LassoDesignOptions& options) {
  require_masks(masks);
  LassoDesign design(masks.contiguous());
  const int64_t n = design.examples();
  const auto models = static_cast<double>(design.models());
  design.bits_ = pack_rows(design.masks_.t(), options.workers);
  const auto& bits = design.bits_;
  design.means_.resize(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) {
    design.means_[static_cast<size_t>(i)] =
        static_cast<double>(common_bits(bits.row(i), bits.row(i), bits.words)) / models;
  }
  const int64_t half = options.memory_bytes / 2;
  if (4 * design.models() * n <= half) design.floats_ = design.masks_.to(torch::kFloat32);
  if (4 * n * n <= half) {
    design.covariances_.resize(static_cast<size_t>(n * n));
    auto* all = design.covariances_.data();
    // Rows first, each up to the diagonal; then the other half, in tiles, so that what is read down
    // a column stays in the caches.
    const auto* mean = design.means_.data();
    parallel_for(n, options.workers, [&](int64_t i) {
      std::vector<int32_t> counts(static_cast<size_t>(i + 1));
      common_bits(bits.row(i), bits, 0, i + 1, counts.data());
      for (int64_t k = 0; k <= i; ++k) {
        all[i * n + k] =
            static_cast<float>(counts[static_cast<size_t>(k)] / models - mean[i] * mean[k]);
      }
    });
    const int64_t tile = 32;
    parallel_blocks(n, tile, options.workers, [&](int64_t begin, int64_t end) {
      for (int64_t first = begin; first < n; first += tile) {
        const int64_t last = std::min(n, first + tile);
        for (int64_t k = begin; k < end; ++k) {
          for (int64_t i = std::max(first, k + 1); i < last; ++i) all[k * n + i] = all[i * n + k];
        }
      }
    });
  }
  return design;
}

double LassoDesign::covariance(int64_t i, int64_t k) const {
  const auto both = static_cast<double>(common_bits(bits_.row(i), bits_.row(k), bits_.words));
  return both / static_cast<double>(models()) -
         means_[static_cast<size_t>(i)] * means_[static_cast<size_t>(k)];
}

torch::Tensor LassoDesign::covariance_rows(int64_t first, int64_t last) const {
  // gemm() reads it only.
  auto* rows = const_cast<float*>(covariances_.data()) + first * examples();
  return at::from_blob(rows, {last - first, examples()}, torch::kFloat32);
}

void LassoDesign::for_each_block(
    const std::function<void(int64_t first, const torch::Tensor& block)>& task) const {
  if (floats_.defined()) {
    task(0, floats_);
    return;
  }
  auto block = torch::empty({std::min(block_models, models()), examples()}, torch::kFloat32);
  for (int64_t first = 0; first < models(); first += block_models) {
    const int64_t count = std::min(block_models, models() - first);
    block.slice(0, 0, count).copy_(masks_.slice(0, first, first + count));
    task(first, block.slice(0, 0, count));
  }
}

torch::Tensor LassoDesign::correlations(const torch::Tensor& targets) const {
  auto out = torch::zeros({targets.size(0), examples()}, torch::kFloat32);
  for_each_block([&](int64_t first, const torch::Tensor& block) {
    gemm(targets.slice(1, first, first + block.size(0)), false, block, false, out,
         1.0 / static_cast<double>(models()), 1);
  });
  return out;
}

torch::Tensor LassoDesign::residuals(const torch::Tensor& targets,
                                     const torch::Tensor& coefficients) const {
  auto out = targets.clone();
  for_each_block([&](int64_t first, const torch::Tensor& block) {
    auto part = out.slice(1, first, first + block.size(0));
    gemm(coefficients, false, block, true, part, -1, 1);
  });
  out -= out.mean(1, true);
  return out;
}

torch::Tensor LassoDesign::columns(int64_t first, int64_t last) const {
  if (floats_.defined()) return floats_.slice(1, first, last);
  return masks_.slice(1, first, last).to(torch::kFloat32);
}

}  // namespace expunge
