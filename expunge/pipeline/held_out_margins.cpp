#include "expunge/pipeline/held_out_margins.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "expunge/attribution/make_attributor.h"
#include "expunge/attribution/mask_gram.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

torch::Tensor rows_but(const torch::Tensor& x, int64_t begin, int64_t end) {
  return torch::cat({x.slice(0, 0, begin), x.slice(0, end)}).contiguous();
}

}  // namespace

torch::Tensor held_out_margins(const torch::Tensor& masks, const torch::Tensor& logits,
                               const torch::Tensor& full_logits, const torch::Tensor& labels,
                               const AttributionOptions& options, const CarriedEffects* carried,
                               int64_t folds, int64_t workers) {
  const int64_t models = masks.size(0);
  const int64_t n = masks.size(1);
  const int64_t m = logits.size(1);
  auto held_out =
      torch::full({models, m}, std::numeric_limits<float>::quiet_NaN(), torch::kFloat32);
  for (int64_t k = 0; k < folds; ++k) {
    const int64_t begin = models * k / folds;
    const int64_t end = models * (k + 1) / folds;
    const auto others = rows_but(masks, begin, end);
    const auto varying = others.any(0).logical_and(others.all(0).logical_not());
    std::vector<std::vector<int64_t>> removals;
    std::vector<int64_t> rows;
    auto sets = left_out(masks.slice(0, begin, end).logical_or(varying.logical_not()));
    for (int64_t i = begin; i < end; ++i) {
      auto& removal = sets[static_cast<size_t>(i - begin)];
      if (removal.empty() || std::ssize(removal) == n) continue;
      removals.push_back(std::move(removal));
      rows.push_back(i);
    }
    if (rows.empty()) continue;
    const auto datamodels =
        make_attributor(options, others, rows_but(logits, begin, end), carried, workers);
    const auto shifts = datamodels->removal_shifts(removals);
    parallel_for(std::ssize(rows), workers, [&](int64_t r) {
      const auto place = static_cast<size_t>(r);
      auto unseen = removals[place];
      for (int64_t j = n; j < m; ++j) unseen.push_back(j);
      auto points = torch::empty({std::ssize(unseen)}, torch::kInt64);
      std::copy(unseen.begin(), unseen.end(), points.data_ptr<int64_t>());
      const auto predicted = shifted_margins(full_logits.index_select(1, points).contiguous(),
                                             shifts[r].index_select(0, points).contiguous(),
                                             labels.index_select(0, points), 1)
                                 .mean(0)
                                 .contiguous();
      for (size_t p = 0; p < unseen.size(); ++p)
        held_out.data_ptr<float>()[rows[place] * m + unseen[p]] = predicted.data_ptr<float>()[p];
    });
  }
  return held_out;
}

}  // namespace expunge
