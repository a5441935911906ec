#include "expunge/evaluate/group_summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/klom_kernel.h"
#include "expunge/evaluate/model_subsamples.h"
#include "expunge/evaluate/normal_quantile.h"

namespace expunge {
namespace {

constexpr double kPercentile = 95;
constexpr size_t kGroups = 4;

/// The points of each group, in the order of KlomSummary's members.
using Groups = std::array<std::vector<int64_t>, kGroups>;

std::array<GroupStatistic*, kGroups> members(KlomSummary& summary) {
  return {&summary.forget, &summary.retain, &summary.validation, &summary.all};
}

Groups groups_of(int64_t m, int64_t n, std::span<const int64_t> forget) {
  if (n < 1 || n > m) {
    fail<InputError>("training set: expected 1 to {} examples as there are {} points, got {}", m, m,
                     n);
  }
  if (forget.empty()) fail<InputError>("forget set: empty");
  std::vector<char> forgotten(n, 0);
  for (const int64_t i : forget) {
    if (i < 0 || i >= n) {
      fail<InputError>("forget set: expected indices 0 to {}, got {}", n - 1, i);
    }
    if (forgotten[i] != 0) fail<InputError>("forget set: index {} occurs twice", i);
    forgotten[i] = 1;
  }
  if (std::ssize(forget) == n) fail<InputError>("forget set: all {} examples, none retained", n);
  Groups groups;
  auto& [forget_points, retain, validation, all] = groups;
  forget_points.assign(forget.begin(), forget.end());
  for (int64_t i = 0; i < n; ++i) {
    if (forgotten[i] == 0) retain.push_back(i);
  }
  validation.resize(m - n);
  std::iota(validation.begin(), validation.end(), n);
  all.resize(m);
  std::iota(all.begin(), all.end(), 0);
  return groups;
}

std::vector<double> members_of(std::span<const double> klom, const std::vector<int64_t>& points) {
  std::vector<double> values(points.size());
  for (size_t i = 0; i < points.size(); ++i) values[i] = klom[points[i]];
  return values;
}

KlomSummary summarise(std::span<const double> klom, const Groups& groups) {
  KlomSummary summary;
  for (size_t g = 0; g < kGroups; ++g) {
    GroupStatistic& statistic = *members(summary)[g];
    const std::vector<double> values = members_of(klom, groups[g]);
    statistic.points = std::ssize(values);
    if (values.empty()) continue;
    statistic.p95 = percentile(values, kPercentile);
    statistic.mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
  }
  return summary;
}

/// A random three quarters of the models of a side.
std::vector<const float*> draw_rows(const torch::Tensor& margins, CounterRng& rng) {
  std::vector<const float*> rows;
  for (const int64_t model : draw_models(margins.size(0), rng))
    rows.push_back(margins.data_ptr<float>() + model * margins.size(1));
  return rows;
}

}  // namespace

double percentile(std::span<const double> values, double q) {
  if (values.empty()) fail("percentile: no values");
  if (!(q >= 0 && q <= 100)) fail("percentile: expected 0 to 100, got {}", q);
  std::vector<double> sorted(values.begin(), values.end());
  for (const double value : sorted) {
    if (std::isnan(value)) fail<NonFiniteError>("percentile: a value is NaN");
  }
  const double place = q / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(place);
  const double weight = place - static_cast<double>(below);
  const auto at = sorted.begin() + static_cast<std::ptrdiff_t>(below);
  std::nth_element(sorted.begin(), at, sorted.end());
  if (weight == 0) return *at;  // also where nothing lies above
  const double low = *at;
  const double high = *std::min_element(at + 1, sorted.end());
  // NumPy interpolates from the nearer end, which keeps the result between the two.
  return weight < 0.5 ? low + (high - low) * weight : high - (high - low) * (1 - weight);
}

void ResamplingOptions::validate() const {
  if (resamples != 0 && resamples < 20) {
    fail<OptionError>("resamples: expected 0 (no interval), or 20 or more, got {}", resamples);
  }
  if (workers < 0) fail<OptionError>("workers: expected 0 or more, got {}", workers);
}

OptionGroup options_of(ResamplingOptions& options) {
  OptionGroup group("resampling", "The interval of KLoM's 95th percentile");
  group.add("resamples", options.resamples, "random subsets of the models, 0 for no interval",
            "count");
  group.add("seed", options.seed, "seed of the subsets");
  return group;
}

KlomSummary summarise_klom(const torch::Tensor& klom, int64_t n, std::span<const int64_t> forget) {
  if (klom.dim() != 1 || klom.scalar_type() != torch::kFloat64) {
    fail<InputError>("klom: expected one row of float64, got {} dimensions of {}", klom.dim(),
                     c10::toString(klom.scalar_type()));
  }
  const torch::Tensor row = klom.contiguous();
  const Groups groups = groups_of(row.numel(), n, forget);
  return summarise({row.data_ptr<double>(), static_cast<size_t>(row.numel())}, groups);
}

KlomSummary summarise_klom(const torch::Tensor& unlearned, const torch::Tensor& oracles, int64_t n,
                           std::span<const int64_t> forget, const KlomOptions& options,
                           const ResamplingOptions& resampling) {
  resampling.validate();
  KlomSummary summary = summarise_klom(klom(unlearned, oracles, options), n, forget);
  if (resampling.resamples == 0) return summary;

  const torch::Tensor u = unlearned.contiguous();
  const torch::Tensor o = oracles.contiguous();
  const int64_t m = u.size(1);
  const Groups groups = groups_of(m, n, forget);
  const KlomKernel kernel(options, subsample_size(u.size(0)), subsample_size(o.size(0)));
  std::array<std::vector<double>, kGroups> p95;
  for (auto& values : p95) values.resize(resampling.resamples);
  parallel_for(resampling.resamples, resampling.workers, [&](int64_t r) {
    CounterRng rng(derive_seed(static_cast<uint64_t>(resampling.seed), "klom resample",
                               static_cast<uint64_t>(r)));
    const std::vector<const float*> u_drawn = draw_rows(u, rng);
    const std::vector<const float*> o_drawn = draw_rows(o, rng);
    std::vector<double> klom_of_drawn(m);
    if (!kernel(u_drawn, o_drawn, 0, m, klom_of_drawn.data())) {
      fail<NonFiniteError>("margins: one is NaN or infinite");  // klom() above names it first
    }
    for (size_t g = 0; g < kGroups; ++g) {
      if (groups[g].empty()) continue;
      p95[g][r] = percentile(members_of(klom_of_drawn, groups[g]), kPercentile);
    }
  });

  const double scale = std::max(deviation_scale(u.size(0)), deviation_scale(o.size(0)));
  for (size_t g = 0; g < kGroups; ++g) {
    GroupStatistic& statistic = *members(summary)[g];
    if (statistic.points == 0) continue;
    const double reach = kNormalQuantile * scale * standard_deviation(p95[g]);
    // The floor on the oracles' probabilities may take KLoM itself a hair below 0.
    statistic.p95_low = std::min(statistic.p95, std::max(0.0, statistic.p95 - reach));
    statistic.p95_high = statistic.p95 + reach;
  }
  return summary;
}

}  // namespace expunge
