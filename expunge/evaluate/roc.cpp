#include "expunge/evaluate/roc.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

void check(std::span<const ScoredDecision> decisions) {
  bool has_positive = false;
  bool has_negative = false;
  for (const auto& decision : decisions) {
    if (!std::isfinite(decision.score) || !std::isfinite(decision.weight)) {
      fail<NonFiniteError>("ROC: finite scores and weights required, got {} of weight {}",
                           decision.score, decision.weight);
    }
    if (decision.weight <= 0) {
      fail<InputError>("ROC: weights above 0 required, got {}", decision.weight);
    }
    (decision.is_positive ? has_positive : has_negative) = true;
  }
  if (!has_positive || !has_negative) {
    fail<InputError>("ROC: at least one positive and one negative required, got no {}",
                     has_positive ? "negative" : "positive");
  }
}

/// Place of the last point whose false-positive rate is at most `rate`.
size_t last_at_or_below(std::span<const RocPoint> curve, double rate) {
  const auto end = std::partition_point(
      curve.begin(), curve.end(), [&](const RocPoint& p) { return p.false_positive_rate <= rate; });
  return static_cast<size_t>(std::max<std::ptrdiff_t>(end - curve.begin(), 1)) - 1;
}

}  // namespace

std::vector<RocPoint> roc_curve(std::vector<ScoredDecision> decisions) {
  check(decisions);
  std::sort(decisions.begin(), decisions.end(),
            [](const auto& a, const auto& b) { return a.score > b.score; });
  std::vector<RocPoint> curve = {{0, 0}};
  RocPoint called{0, 0};
  for (size_t i = 0; i < decisions.size(); ++i) {
    (decisions[i].is_positive ? called.true_positive_rate : called.false_positive_rate) +=
        decisions[i].weight;
    const bool ends_tie = i + 1 == decisions.size() || decisions[i + 1].score < decisions[i].score;
    if (ends_tie) curve.push_back(called);
  }
  for (auto& point : curve) {
    point.false_positive_rate /= called.false_positive_rate;
    point.true_positive_rate /= called.true_positive_rate;
  }
  return curve;
}

double area_under(std::span<const RocPoint> curve) {
  double area = 0;
  for (size_t i = 1; i < curve.size(); ++i) {
    area += (curve[i].false_positive_rate - curve[i - 1].false_positive_rate) *
            (curve[i].true_positive_rate + curve[i - 1].true_positive_rate) / 2;
  }
  return area;
}

double true_positive_rate_at(std::span<const RocPoint> curve, double false_positive_rate) {
  return curve[last_at_or_below(curve, false_positive_rate)].true_positive_rate;
}

std::vector<RocPoint> thinned_roc(std::span<const RocPoint> curve, int64_t most) {
  if (most < 3) fail("ROC: at least 3 points to keep required, got {}", most);
  if (std::ssize(curve) <= most) return {curve.begin(), curve.end()};
  const size_t at_zero = last_at_or_below(curve, 0);
  std::vector<size_t> kept = {0, at_zero, curve.size() - 1};
  const double lowest = curve[at_zero + 1].false_positive_rate;
  const int64_t linear = (most - 3) / 4;
  const int64_t logarithmic = most - 3 - linear;
  for (int64_t k = 0; k < logarithmic; ++k) {
    const double share = static_cast<double>(k) / static_cast<double>(logarithmic);
    kept.push_back(last_at_or_below(curve, std::pow(lowest, 1 - share)));
  }
  for (int64_t k = 1; k <= linear; ++k) {
    kept.push_back(
        last_at_or_below(curve, static_cast<double>(k) / static_cast<double>(linear + 1)));
  }
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  std::vector<RocPoint> thinned;
  for (const size_t i : kept) thinned.push_back(curve[i]);
  return thinned;
}

}  // namespace expunge
