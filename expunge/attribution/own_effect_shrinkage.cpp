#include "expunge/attribution/own_effect_shrinkage.h"

#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "expunge/core/error.h"

namespace expunge {
namespace {

// Classes by falling mean logit; of equal ones the first comes first.
std::vector<int64_t> ranked_classes(const double* means, int64_t classes) {
  std::vector<int64_t> order(static_cast<size_t>(classes));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [means](int64_t a, int64_t b) { return means[a] > means[b]; });
  return order;
}

// Running sums over examples in the order of their gap, one rank of classes.
class PrefixSums {
 public:
  explicit PrefixSums(size_t count) : effect_(count + 1), square_(count + 1), noise_(count + 1) {}

  void set(size_t at, double effect, double variance) {
    effect_[at + 1] = effect_[at] + effect;
    square_[at + 1] = square_[at] + effect * effect;
    noise_[at + 1] = noise_[at] + variance;
  }
  // The example at `at` with its noise, by those in [begin, end) but itself.
  [[nodiscard]] double posterior(size_t at, size_t begin, size_t end, double effect,
                                 double variance) const {
    const double count = static_cast<double>(end - begin - 1);
    const auto others = [&](const std::vector<double>& sums) {
      return (sums[end] - sums[begin] - (sums[at + 1] - sums[at])) / count;
    };
    const double mean = others(effect_);
    const double spread = std::max(0.0, others(square_) - mean * mean - others(noise_));
    const double total = spread + variance;
    return total > 0 ? mean + spread / total * (effect - mean) : effect;
  }

 private:
  std::vector<double> effect_, square_, noise_;
};

void require(const torch::Tensor& x, const torch::Tensor& like, const char* what) {
  if (x.dim() != 2 || x.sizes() != like.sizes() || x.scalar_type() != torch::kFloat64) {
    fail("own effects: {} (examples, classes) of float64 required, got ({}) of {}", what,
         fmt::join(x.sizes(), ", "), toString(x.scalar_type()));
  }
}

}  // namespace

torch::Tensor shrink_own_effects(const OwnEffectEstimates& estimates, int64_t neighbours) {
  require(estimates.effect, estimates.effect, "effects");
  require(estimates.variance, estimates.effect, "variances");
  require(estimates.mean_logits, estimates.effect, "mean logits");
  if (neighbours < 2) fail("own effects: at least 2 neighbours required, got {}", neighbours);
  const auto effect = estimates.effect.contiguous();
  const auto variance = estimates.variance.contiguous();
  const auto means = estimates.mean_logits.contiguous();
  const int64_t n = effect.size(0);
  const int64_t classes = effect.size(1);
  const auto* t = effect.data_ptr<double>();
  const auto* v = variance.data_ptr<double>();

  std::vector<int64_t> order;  // identified examples, by their gap
  std::vector<std::vector<int64_t>> ranks(static_cast<size_t>(n));
  std::vector<double> gap(static_cast<size_t>(n));
  for (int64_t j = 0; j < n; ++j) {
    if (!std::all_of(v + j * classes, v + (j + 1) * classes,
                     [](double x) { return std::isfinite(x); }))
      continue;
    const auto* z = means.data_ptr<double>() + j * classes;
    auto& rank = ranks[static_cast<size_t>(j)];
    rank = ranked_classes(z, classes);
    gap[static_cast<size_t>(j)] = classes > 1 ? z[rank[0]] - z[rank[1]] : z[0];
    order.push_back(j);
  }
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return gap[static_cast<size_t>(a)] < gap[static_cast<size_t>(b)];
  });

  auto shrunk = effect.clone();
  const size_t count = order.size();
  if (count < 3) return shrunk;
  const size_t window = std::min(count, static_cast<size_t>(neighbours) + 1);
  auto* out = shrunk.data_ptr<double>();
  for (int64_t r = 0; r < classes; ++r) {
    const auto place = [&](size_t at) {
      const int64_t j = order[at];
      return j * classes + ranks[static_cast<size_t>(j)][static_cast<size_t>(r)];
    };
    PrefixSums sums(count);
    for (size_t at = 0; at < count; ++at) sums.set(at, t[place(at)], v[place(at)]);
    for (size_t at = 0; at < count; ++at) {
      const size_t half = window / 2;
      const size_t begin = std::min(at > half ? at - half : 0, count - window);
      out[place(at)] = sums.posterior(at, begin, begin + window, t[place(at)], v[place(at)]);
    }
  }
  return shrunk;
}

torch::Tensor limit_translation(const torch::Tensor& shrunk, const OwnEffectEstimates& estimates,
                                double deviations) {
  require(estimates.effect, estimates.effect, "effects");
  require(estimates.variance, estimates.effect, "variances");
  require(shrunk, estimates.effect, "shrunk effects");
  if (!(deviations >= 0)) fail("own effects: deviations >= 0 required, got {}", deviations);
  const auto way = deviations * estimates.variance.sqrt();
  const auto limited =
      at::minimum(at::maximum(shrunk, estimates.effect - way), estimates.effect + way);
  return at::where(estimates.variance.isfinite(), limited, shrunk);
}

}  // namespace expunge
