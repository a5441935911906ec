#include "expunge/attribution/own_effect_shrinkage.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "expunge/core/error.h"

namespace expunge {
namespace {

OwnEffectEstimates made_up(int64_t n, int64_t classes, double noise, uint64_t seed = 1) {
  torch::manual_seed(seed);
  const auto options = torch::TensorOptions().dtype(torch::kFloat64);
  OwnEffectEstimates e;
  e.mean_logits = 3 * torch::randn({n, classes}, options);
  e.variance = noise * noise * (0.5 + torch::rand({n, classes}, options));
  e.effect = torch::randn({n, classes}, options);
  return e;
}

// The formula of the header, written down directly: neighbours found by sorting for every example.
torch::Tensor by_definition(const OwnEffectEstimates& e, int64_t neighbours) {
  const int64_t n = e.effect.size(0);
  const int64_t classes = e.effect.size(1);
  const auto rank = std::get<1>(e.mean_logits.sort(/*stable=*/true, 1, /*descending=*/true));
  const auto sorted = e.mean_logits.gather(1, rank);
  const auto gap = classes > 1 ? sorted.select(1, 0) - sorted.select(1, 1) : sorted.select(1, 0);
  const auto order = std::get<1>(gap.sort(/*stable=*/true, 0, /*descending=*/false));
  const auto t = e.effect.gather(1, rank);
  const auto v = e.variance.gather(1, rank);
  auto out = t.clone();
  const int64_t window = std::min(n, neighbours + 1);
  for (int64_t at = 0; at < n; ++at) {
    const int64_t begin = std::clamp<int64_t>(at - window / 2, 0, n - window);
    std::vector<int64_t> others;
    for (int64_t k = begin; k < begin + window; ++k) {
      if (k != at) others.push_back(order[k].item<int64_t>());
    }
    const auto index = torch::tensor(others, torch::kInt64);
    const auto near = t.index_select(0, index);
    const auto mean = near.mean(0);
    const auto spread = ((near - mean).square() - v.index_select(0, index)).mean(0).clamp_min(0);
    const auto j = order[at].item<int64_t>();
    out[j] = mean + spread / (spread + v[j]) * (t[j] - mean);
  }
  return torch::empty_like(out).scatter_(1, rank, out);
}

TEST(OwnEffectShrinkage, IsItsDefinition) {
  for (const auto& [n, classes, neighbours] :
       {std::tuple<int64_t, int64_t, int64_t>{60, 5, 10}, {7, 3, 100}, {50, 1, 7}, {3, 2, 2}}) {
    const auto e = made_up(n, classes, 0.7);
    const auto difference = shrink_own_effects(e, neighbours) - by_definition(e, neighbours);
    EXPECT_LT(difference.abs().max().item<double>(), 1e-12) << n << " examples";
  }
}

TEST(OwnEffectShrinkage, LeavesEffectsWithoutNoiseAlone) {
  const auto e = made_up(80, 4, 0);
  EXPECT_TRUE(torch::allclose(shrink_own_effects(e, 20), e.effect, 0, 1e-12));
}

TEST(OwnEffectShrinkage, TakesNoiseForNoise) {
  // No example acts on itself: what is seen is noise of the stated variance, and goes away.
  auto e = made_up(2000, 3, 1);
  e.effect = e.variance.sqrt() * e.effect;
  const auto shrunk = shrink_own_effects(e);
  EXPECT_LT(shrunk.square().mean().item<double>(), 0.1 * e.effect.square().mean().item<double>());
}

TEST(OwnEffectShrinkage, ComesNearerToTheTruthWhereEffectsDependOnTheFit) {
  auto e = made_up(2000, 2, 0.8);
  const auto gap = (e.mean_logits.select(1, 0) - e.mean_logits.select(1, 1)).abs();
  const auto truth = (2 * (-gap).exp()).unsqueeze(1).expand({2000, 2}) + 0.3 * e.effect;
  e.effect = truth + e.variance.sqrt() * torch::randn({2000, 2}, torch::kFloat64);
  const auto error = [&](const torch::Tensor& t) {
    return (t - truth).square().mean().item<double>();
  };
  EXPECT_LT(error(shrink_own_effects(e)), 0.4 * error(e.effect));
}

TEST(OwnEffectShrinkage, DoesNotDependOnTheOrderOfExamplesOrClasses) {
  const auto e = made_up(150, 4, 0.5);
  const auto examples = torch::randperm(150);
  const auto classes = torch::randperm(4);
  const auto moved = [&](const torch::Tensor& x) {
    return x.index_select(0, examples).index_select(1, classes);
  };
  const auto shrunk =
      shrink_own_effects({moved(e.effect), moved(e.variance), moved(e.mean_logits)});
  EXPECT_TRUE(torch::allclose(shrunk, moved(shrink_own_effects(e)), 0, 1e-12));
}

TEST(OwnEffectShrinkage, KeepsUnidentifiedEffectsApart) {
  const auto e = made_up(50, 3, 0.5);
  e.variance[7].fill_(std::numeric_limits<double>::infinity());
  e.effect[7].fill_(1e6);
  e.mean_logits[7].fill_(std::nan(""));
  const auto shrunk = shrink_own_effects(e, 10);
  EXPECT_TRUE(torch::equal(shrunk[7], e.effect[7]));
  const auto rest = torch::cat({torch::arange(7), torch::arange(8, 50)});
  const auto without =
      shrink_own_effects({e.effect.index_select(0, rest), e.variance.index_select(0, rest),
                          e.mean_logits.index_select(0, rest)},
                         10);
  EXPECT_TRUE(torch::equal(shrunk.index_select(0, rest), without));
}

TEST(OwnEffectShrinkage, RefusesShapesThatDoNotFit) {
  auto e = made_up(10, 3, 1);
  EXPECT_THROW(shrink_own_effects(e, 1), Error);
  e.variance = e.variance.slice(0, 1);
  EXPECT_THROW(shrink_own_effects(e), Error);
}

TEST(LimitTranslation, MovesNothingFurtherThanItsDeviations) {
  const auto e = made_up(40, 4, 0.7);
  const auto shrunk = torch::zeros_like(e.effect);
  const auto limited = limit_translation(shrunk, e, 0.8);
  const auto t = e.effect.accessor<double, 2>();
  const auto v = e.variance.accessor<double, 2>();
  for (int64_t j = 0; j < 40; ++j) {
    for (int64_t c = 0; c < 4; ++c) {
      const double way = 0.8 * std::sqrt(v[j][c]);
      EXPECT_NEAR(limited[j][c].item<double>(), std::clamp(0.0, t[j][c] - way, t[j][c] + way),
                  1e-12);
    }
  }
  EXPECT_TRUE(torch::equal(limit_translation(shrunk, e, 1e9), shrunk));
  EXPECT_TRUE(torch::equal(limit_translation(shrunk, e, 0), e.effect));
}

TEST(LimitTranslation, LeavesWhatIsNotIdentifiedAndRefusesOtherShapes) {
  auto e = made_up(5, 2, 0.7);
  e.variance[1].fill_(std::numeric_limits<double>::infinity());
  e.variance[3].fill_(std::numeric_limits<double>::quiet_NaN());
  const auto shrunk = torch::full_like(e.effect, 100);
  const auto limited = limit_translation(shrunk, e, 1);
  for (const int64_t j : {1, 3}) EXPECT_TRUE(torch::equal(limited[j], shrunk[j]));
  for (const int64_t j : {0, 2, 4}) EXPECT_LT(limited[j].max().item<double>(), 10);
  EXPECT_THROW(limit_translation(shrunk.slice(0, 1), e, 1), Error);
  EXPECT_THROW(limit_translation(shrunk, e, -1), Error);
}

// What it is for: effects of neighbours alike, but for one example that acts ten times as strongly.
TEST(LimitTranslation, KeepsTheEffectOfAnExampleLearntByHeart) {
  torch::manual_seed(3);
  auto e = made_up(200, 1, 0);
  const auto noise = 0.5 * torch::randn({200, 1}, torch::kFloat64);
  auto truth = torch::full({200, 1}, 0.3, torch::kFloat64);
  truth[50] = 5;
  e.effect = truth + noise;
  e.variance.fill_(0.25);
  const auto shrunk = shrink_own_effects(e);
  const auto limited = limit_translation(shrunk, e, 1.75);
  const auto error = [&](const torch::Tensor& x) { return (x - truth)[50].abs().item<double>(); };
  EXPECT_GT(error(shrunk), 2);
  EXPECT_LT(error(limited), 1.75 * 0.5 + noise[50].abs().item<double>() + 1e-9);
  EXPECT_LT((limited - truth).square().mean().item<double>(),
            0.5 * noise.square().mean().item<double>());
}

}  // namespace
}  // namespace expunge
