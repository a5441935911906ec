#include "expunge/evaluate/ulira.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/margins.h"
#include "expunge/evaluate/normal_quantile.h"

namespace expunge {
namespace {

constexpr int64_t kLeastAttackModels = 4;
constexpr int64_t kTellingExamples = 200;
constexpr int64_t kTellingModels = 50;
constexpr int64_t kRocPoints = 200;
constexpr int64_t kBlockExamples = 256;
constexpr double kClip = 100;
constexpr double kLeastVarianceShare = 1e-6;

/// One side's margins, and which of its models do what.
struct Side {
  Side(const char* side_name, const torch::Tensor& side_margins, int64_t seed, uint64_t index)
      : name(side_name), margins(side_margins) {
    std::vector<int64_t> order(margins.size(0));
    std::iota(order.begin(), order.end(), 0);
    if (seed != 0) {
      CounterRng rng(derive_seed(static_cast<uint64_t>(seed), "ulira split", index));
      order = rng.permutation(margins.size(0));
    }
    for (size_t k = 0; k < order.size(); ++k) {
      (k % 2 == 0 ? fitted : attacked).push_back(order[k]);
    }
    std::sort(fitted.begin(), fitted.end());
    std::sort(attacked.begin(), attacked.end());
  }

  /// The point's margins of the models in `rows`, clipped.
  void read(const std::vector<int64_t>& rows, int64_t point, std::vector<double>& out) const {
    const float* at = margins.data_ptr<float>() + point * margins.stride(1);
    out.clear();
    for (const int64_t i : rows) {
      const double x = at[i * margins.stride(0)];
      if (!std::isfinite(x)) {
        fail<NonFiniteError>("{} margins: model {}, point {} is {}; every margin must be finite",
                             name, i, point, x);
      }
      out.push_back(std::clamp(x, -kClip, kClip));
    }
  }

  const char* name;
  const torch::Tensor& margins;
  std::vector<int64_t> fitted, attacked;
};

struct MeanVariance {
  double mean, variance;
};

/// Mean and unbiased variance of two values or more.
MeanVariance moments_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double sum = 0;
  for (const double x : values) sum += (x - mean) * (x - mean);
  return {mean, sum / (count - 1)};
}

/// log p(x | u) - log p(x | o) of Gaussians whose variances have been raised to their floor.
class LogRatio {
 public:
  LogRatio(MeanVariance u, MeanVariance o) : u_(u), o_(o) {
    const double apart = u.mean - o.mean;
    const double together = (u.variance + o.variance) / 2 + apart * apart / 4;
    is_blind_ = together == 0;
    u_.variance = std::max(u.variance, kLeastVarianceShare * together);
    o_.variance = std::max(o.variance, kLeastVarianceShare * together);
  }
  double operator()(double x) const {
    if (is_blind_) return 0;
    const double from_u = x - u_.mean;
    const double from_o = x - o_.mean;
    return (std::log(o_.variance) - std::log(u_.variance)) / 2 +
           (from_o * from_o / o_.variance - from_u * from_u / u_.variance) / 2;
  }

 private:
  MeanVariance u_, o_;
  bool is_blind_;
};

void check_points(std::span<const int64_t> points, int64_t m) {
  if (points.empty()) fail<InputError>("points: at least one required, got none");
  std::vector<bool> is_there(m, false);
  for (const int64_t j : points) {
    if (j < 0 || j >= m) fail<InputError>("points: expected indices 0 to {}, got {}", m - 1, j);
    if (is_there[j]) fail<InputError>("points: index {} occurs twice", j);
    is_there[j] = true;
  }
}

void check_scores(const char* side, size_t set, const torch::Tensor& scores) {
  if (scores.dim() != 2 || scores.scalar_type() != torch::kFloat64) {
    fail<InputError>("{} scores of set {}: expected (models, examples) of float64, got {} of {}",
                     side, set, c10::str(scores.sizes()), c10::toString(scores.scalar_type()));
  }
  if (scores.size(0) < kLeastAttackModels / 2 || scores.size(1) < 1) {
    fail<InputError>("{} scores of set {}: at least {} models and 1 example required, got {}", side,
                     set, kLeastAttackModels / 2, c10::str(scores.sizes()));
  }
  if (!torch::isfinite(scores).all().item<bool>()) {
    fail<NonFiniteError>("{} scores of set {}: one is NaN or infinite", side, set);
  }
}

/// One side of one forget set: how often its decisions are right.
struct SideShares {
  double mean;                   // of all decisions
  double variance_of_mean;       // over models
  std::vector<double> of_point;  // (P)
};

/// sign: 1 where a positive score is right, -1 where a negative one is.
SideShares shares_of(const torch::Tensor& scores, double sign) {
  const int64_t models = scores.size(0);
  const int64_t examples = scores.size(1);
  const double* score = scores.data_ptr<double>();
  std::vector<double> of_model(models, 0);
  std::vector<double> of_point(examples, 0);
  for (int64_t i = 0; i < models; ++i) {
    for (int64_t p = 0; p < examples; ++p, ++score) {
      const double right = *score == 0 ? 0.5 : (*score * sign > 0 ? 1 : 0);
      of_model[i] += right;
      of_point[p] += right;
    }
  }
  for (double& share : of_model) share /= static_cast<double>(examples);
  for (double& share : of_point) share /= static_cast<double>(models);
  const MeanVariance over_models = moments_of(of_model);
  return {over_models.mean, over_models.variance / static_cast<double>(models),
          std::move(of_point)};
}

void append_decisions(const torch::Tensor& scores, double weight, bool is_positive,
                      std::vector<ScoredDecision>& decisions) {
  const double* score = scores.data_ptr<double>();
  for (int64_t i = 0; i < scores.numel(); ++i) {
    decisions.push_back({score[i], weight, is_positive});
  }
}

void set_wilson_interval(UliraResult& result, double n) {
  const double z2 = kNormalQuantile * kNormalQuantile;
  const double p = result.accuracy;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double reach =
      kNormalQuantile * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n);
  result.accuracy_low = std::clamp(centre - reach, 0.0, p);
  result.accuracy_high = std::clamp(centre + reach, p, 1.0);
}

}  // namespace

void UliraOptions::validate() const {
  if (seed < 0) fail<OptionError>("seed: expected 0 or more, got {}", seed);
  if (workers < 0) fail<OptionError>("workers: expected 0 or more, got {}", workers);
}

OptionGroup options_of(UliraOptions& options) {
  OptionGroup group("ulira", "The likelihood-ratio attack on unlearned models");
  group.add("seed", options.seed, "which half of each side's models is fitted, which is attacked");
  return group;
}

UliraScores ulira_scores(const torch::Tensor& unlearned_margins,
                         const torch::Tensor& oracle_margins, std::span<const int64_t> points,
                         const UliraOptions& options) {
  options.validate();
  require_margins("unlearned", unlearned_margins, "U-LiRA", kLeastAttackModels);
  require_margins("oracle", oracle_margins, "U-LiRA", kLeastAttackModels);
  if (unlearned_margins.size(1) != oracle_margins.size(1)) {
    fail<InputError>("margins of different points: unlearned {}, oracles {}",
                     c10::str(unlearned_margins.sizes()), c10::str(oracle_margins.sizes()));
  }
  check_points(points, unlearned_margins.size(1));
  const Side u("unlearned", unlearned_margins, options.seed, 0);
  const Side o("oracle", oracle_margins, options.seed, 1);
  const int64_t examples = std::ssize(points);
  UliraScores scores = {torch::empty({std::ssize(u.attacked), examples}, torch::kFloat64),
                        torch::empty({std::ssize(o.attacked), examples}, torch::kFloat64)};
  const auto attack = [&](const Side& side, const LogRatio& ratio, int64_t p,
                          std::vector<double>& margins, const torch::Tensor& out) {
    side.read(side.attacked, points[p], margins);
    double* at = out.data_ptr<double>() + p;
    for (size_t i = 0; i < margins.size(); ++i) {
      at[static_cast<int64_t>(i) * examples] = ratio(margins[i]);
    }
  };
  parallel_blocks(examples, kBlockExamples, options.workers, [&](int64_t begin, int64_t end) {
    std::vector<double> margins;
    for (int64_t p = begin; p < end; ++p) {
      u.read(u.fitted, points[p], margins);
      const MeanVariance of_unlearned = moments_of(margins);
      o.read(o.fitted, points[p], margins);
      const LogRatio ratio(of_unlearned, moments_of(margins));
      attack(u, ratio, p, margins, scores.unlearned);
      attack(o, ratio, p, margins, scores.oracle);
    }
  });
  return scores;
}

UliraResult summarise_ulira(std::span<const UliraScores> sets) {
  if (sets.empty()) fail<InputError>("U-LiRA: scores of at least one set required, got none");
  UliraResult result;
  for (size_t k = 0; k < sets.size(); ++k) {
    check_scores("unlearned", k, sets[k].unlearned);
    check_scores("oracle", k, sets[k].oracle);
    const int64_t examples = sets[k].unlearned.size(1);
    if (sets[k].oracle.size(1) != examples) {
      fail<InputError>("scores of set {}: the same examples required, got unlearned {}, oracles {}",
                       k, c10::str(sets[k].unlearned.sizes()), c10::str(sets[k].oracle.sizes()));
    }
    result.examples += examples;
    result.decisions += sets[k].unlearned.numel() + sets[k].oracle.numel();
  }

  std::vector<double> of_point;
  std::vector<ScoredDecision> decisions;
  decisions.reserve(result.decisions);
  double squared_weights = 0;
  double variance = 0;
  for (const UliraScores& set : sets) {
    const torch::Tensor unlearned = set.unlearned.contiguous();
    const torch::Tensor oracle = set.oracle.contiguous();
    const SideShares u = shares_of(unlearned, 1);
    const SideShares o = shares_of(oracle, -1);
    for (size_t p = 0; p < u.of_point.size(); ++p) {
      of_point.push_back((u.of_point[p] + o.of_point[p]) / 2);
    }
    const auto examples = static_cast<double>(unlearned.size(1));
    const auto u_models = static_cast<double>(unlearned.size(0));
    const auto o_models = static_cast<double>(oracle.size(0));
    const double share = examples / static_cast<double>(result.examples);
    result.accuracy += examples * (u.mean + o.mean) / 2;
    variance += share * share * (u.variance_of_mean + o.variance_of_mean) / 4;
    squared_weights += share * share * (1 / u_models + 1 / o_models) / (4 * examples);
    // 1 for every decision where all sets have the same numbers of models: sums stay exact.
    append_decisions(unlearned, static_cast<double>(sets[0].unlearned.size(0)) / u_models, true,
                     decisions);
    append_decisions(oracle, static_cast<double>(sets[0].oracle.size(0)) / o_models, false,
                     decisions);
  }
  result.accuracy /= static_cast<double>(result.examples);
  result.standard_error = std::sqrt(variance);
  set_wilson_interval(result, 1 / squared_weights);
  result.accuracy_of_point = torch::tensor(of_point, torch::kFloat64);
  const std::vector<RocPoint> curve = roc_curve(std::move(decisions));
  result.auc = area_under(curve);
  result.tpr_at_1_percent = true_positive_rate_at(curve, 0.01);
  result.tpr_at_01_percent = true_positive_rate_at(curve, 0.001);
  result.roc = thinned_roc(curve, kRocPoints);
  return result;
}

bool ulira_is_telling(int64_t examples, int64_t attacked_unlearned, int64_t attacked_oracles) {
  return examples >= kTellingExamples && attacked_unlearned >= kTellingModels &&
         attacked_oracles >= kTellingModels;
}

}  // namespace expunge
