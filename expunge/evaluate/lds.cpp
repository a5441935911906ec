#include "expunge/evaluate/lds.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/model_subsamples.h"

namespace expunge {
namespace {

void check_values(const torch::Tensor& array, const char* name) {
  if (array.dim() != 2 || array.scalar_type() != torch::kFloat32 || array.size(1) < 1) {
    fail<InputError>("lds: {} (models, points) float32 required, got ({}) of {}", name,
                     fmt::join(array.sizes(), ", "), toString(array.scalar_type()));
  }
  const auto bad = array.isfinite().logical_not().nonzero();
  if (bad.size(0) > 0) {
    fail<NonFiniteError>("lds: finite {} required, got NaN or infinity at model {}, point {}", name,
                         bad[0][0].item<int64_t>(), bad[0][1].item<int64_t>());
  }
}

// Values to their ranks from 1 on, equal ones to the mean of theirs.
void rank(std::vector<double>& values, std::vector<int32_t>& order) {
  order.resize(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return values[static_cast<size_t>(a)] < values[static_cast<size_t>(b)];
  });
  for (size_t first = 0; first < order.size();) {
    const double value = values[static_cast<size_t>(order[first])];
    size_t end = first;
    while (end < order.size() && values[static_cast<size_t>(order[end])] == value) ++end;
    const double shared = static_cast<double>(first + 1 + end) / 2;
    for (; first < end; ++first) values[static_cast<size_t>(order[first])] = shared;
  }
}

// NaN where one of them is constant.
double correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto count = static_cast<double>(a.size());
  const double mean_a = std::accumulate(a.begin(), a.end(), 0.0) / count;
  const double mean_b = std::accumulate(b.begin(), b.end(), 0.0) / count;
  double aa = 0, bb = 0, ab = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    aa += (a[i] - mean_a) * (a[i] - mean_a);
    bb += (b[i] - mean_b) * (b[i] - mean_b);
    ab += (a[i] - mean_a) * (b[i] - mean_b);
  }
  if (!(aa > 0) || !(bb > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0);
}

struct Pair {
  double spearman, pearson;
};

// One point's columns, models in the order of `rows`.
class PointCorrelation {
 public:
  Pair of(const float* predictions, const float* outputs, const std::vector<int64_t>& rows) {
    a_.resize(rows.size());
    b_.resize(rows.size());
    for (size_t i = 0; i < rows.size(); ++i) {
      a_[i] = predictions[rows[i]];
      b_[i] = outputs[rows[i]];
    }
    const double pearson = correlation(a_, b_);
    rank(a_, order_);
    rank(b_, order_);
    return {correlation(a_, b_), pearson};
  }

 private:
  std::vector<double> a_, b_;
  std::vector<int32_t> order_;
};

double zero_if_none(double value) {
  return std::isnan(value) ? 0 : value;
}

void set_interval(LdsStatistic& statistic, const std::vector<double>& means, double scale) {
  if (means.empty()) {
    statistic.low = statistic.high = std::numeric_limits<double>::quiet_NaN();
    return;
  }
  const double half = 1.96 * standard_deviation(means) * scale;
  statistic.low = std::max(-1.0, statistic.mean - half);
  statistic.high = std::min(1.0, statistic.mean + half);
}

}  // namespace

void LdsOptions::validate() const {
  require_option(resamples == 0 || resamples >= 20, "resamples", "0, or 20 or more",
                 static_cast<double>(resamples));
  require_option(seed >= 0, "resampling_seed", "at least 0", static_cast<double>(seed));
}

OptionGroup options_of(LdsOptions& o) {
  OptionGroup group("lds", "The linear datamodelling score");
  group
      .add("resamples", o.resamples, "resamples of the models for the interval; 0: none",
           "resamples")
      .add("resampling_seed", o.seed, "seed of the resamples");
  return group;
}

LdsResult lds(const torch::Tensor& predictions, const torch::Tensor& outputs,
              const LdsOptions& options) {
  options.validate();
  check_values(predictions, "predictions");
  check_values(outputs, "outputs");
  const int64_t models = outputs.size(0);
  const int64_t points = outputs.size(1);
  if (predictions.sizes() != outputs.sizes()) {
    fail<InputError>("lds: predictions like outputs ({}, {}) required, got ({})", models, points,
                     fmt::join(predictions.sizes(), ", "));
  }
  if (models < 8) fail<InputError>("lds: at least 8 models required, got {}", models);
  // By point, so that a point's models lie together.
  const auto a = predictions.t().contiguous();
  const auto b = outputs.t().contiguous();
  std::vector<std::vector<int64_t>> draws(1, std::vector<int64_t>(static_cast<size_t>(models)));
  std::iota(draws[0].begin(), draws[0].end(), int64_t{0});
  for (int64_t r = 0; r < options.resamples; ++r) {
    CounterRng rng(
        derive_seed(static_cast<uint64_t>(options.seed), "lds resample", static_cast<uint64_t>(r)));
    draws.push_back(draw_models(models, rng));
  }

  LdsResult result;
  result.spearman.of_point = torch::empty({points}, torch::kFloat64);
  result.pearson.of_point = torch::empty({points}, torch::kFloat64);
  // Sums over points in blocks, added in their order: the same for any number of workers.
  const int64_t block = 64;
  const int64_t blocks = (points + block - 1) / block;
  std::vector<std::vector<Pair>> sums(static_cast<size_t>(blocks),
                                      std::vector<Pair>(draws.size(), Pair{0, 0}));
  std::vector<int64_t> constant(static_cast<size_t>(blocks), 0);
  parallel_blocks(points, block, options.workers, [&](int64_t begin, int64_t end) {
    PointCorrelation compute;
    const auto place = static_cast<size_t>(begin / block);
    for (int64_t j = begin; j < end; ++j) {
      for (size_t d = 0; d < draws.size(); ++d) {
        const auto pair = compute.of(a.data_ptr<float>() + j * models,
                                     b.data_ptr<float>() + j * models, draws[d]);
        sums[place][d].spearman += zero_if_none(pair.spearman);
        sums[place][d].pearson += zero_if_none(pair.pearson);
        if (d > 0) continue;
        constant[place] += std::isnan(pair.pearson) ? 1 : 0;
        result.spearman.of_point.data_ptr<double>()[j] = zero_if_none(pair.spearman);
        result.pearson.of_point.data_ptr<double>()[j] = zero_if_none(pair.pearson);
      }
    }
  });
  std::vector<double> spearman(draws.size(), 0), pearson(draws.size(), 0);
  for (const auto& of_block : sums) {
    for (size_t d = 0; d < draws.size(); ++d) {
      spearman[d] += of_block[d].spearman / static_cast<double>(points);
      pearson[d] += of_block[d].pearson / static_cast<double>(points);
    }
  }
  result.constant_points = std::accumulate(constant.begin(), constant.end(), int64_t{0});
  result.spearman.mean = spearman[0];
  result.pearson.mean = pearson[0];
  spearman.erase(spearman.begin());
  pearson.erase(pearson.begin());
  const double scale = deviation_scale(models);
  set_interval(result.spearman, spearman, scale);
  set_interval(result.pearson, pearson, scale);
  return result;
}

std::string words_of(const LdsStatistic& s) {
  if (std::isnan(s.low)) return fmt::format("{:.3f}", s.mean);
  return fmt::format("{:.3f} ({:.3f} to {:.3f})", s.mean, s.low, s.high);
}

double lds_ceiling(double agreement) {
  return agreement > 0 ? std::sqrt(agreement) : 0;
}

torch::Tensor subset_predictions(const torch::Tensor& masks, const torch::Tensor& scores) {
  if (masks.dim() != 2 || masks.scalar_type() != torch::kBool || scores.dim() != 2 ||
      scores.scalar_type() != torch::kFloat32 || scores.size(0) != masks.size(1)) {
    fail<InputError>(
        "lds: masks (models, n) bool and scores (n, points) float32 required, got ({}) of {} and "
        "({}) of {}",
        fmt::join(masks.sizes(), ", "), toString(masks.scalar_type()),
        fmt::join(scores.sizes(), ", "), toString(scores.scalar_type()));
  }
  if (!scores.isfinite().all().item<bool>())
    fail<NonFiniteError>("lds: finite scores required, got NaN or infinity");
  auto out = torch::empty({masks.size(0), scores.size(1)}, torch::kFloat32);
  gemm(masks.to(torch::kFloat32).contiguous(), false, scores.contiguous(), false, out);
  return out;
}

}  // namespace expunge
