// Own effects beside neighbours' logits: against a dense regression, and where luck is made up.
#include "expunge/attribution/local_effects.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

torch::Tensor centred_masks(const torch::Tensor& masks) {
  const auto m = masks.to(torch::kFloat64);
  return m - m.mean();
}

torch::Tensor gram_of(const torch::Tensor& masks, double lambda) {
  const auto a = centred_masks(masks);
  return a.matmul(a.t()) + lambda * torch::eye(a.size(0), torch::kFloat64);
}

RidgeOptions own_ridge(EffectPrior prior, double lambda) {
  RidgeOptions options;
  options.prior = prior;
  options.lambda = lambda;
  return options;
}

// The k points nearest to j by mean logits less their mean over classes.
torch::Tensor neighbours_of(const torch::Tensor& logits, int64_t j, int64_t k) {
  auto z = logits.to(torch::kFloat64).mean(0);
  z = z - z.mean(1, true);
  auto distance = (z - z[j]).square().sum(1);
  distance[j] = INFINITY;
  return std::get<1>(distance.sort(0)).slice(0, 0, k);
}

TEST(LocalEffects, AgreeWithADenseRegressionOnMasksAndNeighbours) {
  const double lambda = 7, weight = 2.5;
  const int64_t models = 25, n = 14, k = 5;
  const auto e = simulated_ensemble(models, n, 20, 3);
  const auto estimates = local_own_effects(e.masks, e.logits, gram_of(e.masks, lambda), lambda,
                                           {.neighbours = k, .weight = weight});
  const auto a = centred_masks(e.masks);
  const auto z = e.logits.to(torch::kFloat64);
  for (const int64_t j : {0, 6, 13}) {
    auto x = z.index_select(1, neighbours_of(e.logits, j, k)).reshape({models, -1});
    x = x - x.mean(0, true);
    // Minimises |y - a t - A beta - X gamma|^2 + lambda |beta|^2 + |X|^2 / (w N) |gamma|^2.
    const auto design = at::cat({a.select(1, j).unsqueeze(1), a, x}, 1);
    auto penalty = torch::full({design.size(1)}, lambda, torch::kFloat64);
    penalty[0] = 0;
    penalty.slice(0, 1 + n).fill_(x.square().sum().item<double>() / (weight * models));
    const auto y = z.select(1, j) - z.select(1, j).mean(0, true);
    const auto solved =
        at::linalg_solve(design.t().matmul(design) + at::diag(penalty), design.t().matmul(y));
    EXPECT_LT((estimates.effect[j] - solved[0]).abs().max().item<double>(), 1e-6) << j;
    const auto seen = e.masks.select(1, j).to(torch::kFloat64);
    EXPECT_TRUE(at::allclose(estimates.mean_logits[j], seen.matmul(z.select(1, j)) / seen.sum()));
  }
}

TEST(LocalEffects, WithoutWeightAreTheUnpenalisedOwnEffects) {
  const auto e = simulated_ensemble(30, 12, 18, 2);
  const auto estimates =
      local_own_effects(e.masks, e.logits, gram_of(e.masks, 9), 9, {.weight = 0});
  const auto own = SubsetDatamodels::fit(e.masks, e.logits, own_ridge(EffectPrior::own, 9));
  EXPECT_TRUE(at::allclose(estimates.effect, own.own_effects().to(torch::kFloat64), 1e-4, 1e-4));
}

// Points of five kinds; in each model all of a kind move alike. An example's effect on itself is 4 in
// class 0.
SimulatedEnsemble lucky_ensemble(int64_t n, int64_t classes, double share) {
  const int64_t models = 60, m = 300;
  torch::manual_seed(3);
  SimulatedEnsemble made;
  made.masks = torch::rand({models, n}) < 0.8;
  const auto kind = torch::arange(m).remainder(5);
  const auto luck = share * torch::randn({models, 5, classes});
  const auto place = 40 * torch::randn({5, classes});
  made.logits = (luck + place).index_select(1, kind) + 0.5 * torch::randn({models, m, classes});
  made.logits.slice(1, 0, n).select(2, 0) += 4 * made.masks.to(torch::kFloat32);
  return made;
}

class LuckyEnsemble : public testing::Test {
 protected:
  static constexpr int64_t n = 200, classes = 3;
  static constexpr double lambda = 60;
  LuckyEnsemble() { truth_.select(1, 0).fill_(4); }
  torch::Tensor truth_ = torch::zeros({n, classes}, torch::kFloat64);
};

TEST_F(LuckyEnsemble, IsTakenOutOfEffects) {
  const auto e = lucky_ensemble(n, classes, 3);
  const auto local = local_own_effects(e.masks, e.logits, gram_of(e.masks, lambda), lambda).effect;
  const auto own =
      SubsetDatamodels::fit(e.masks, e.logits, own_ridge(EffectPrior::own, lambda)).own_effects();
  EXPECT_LT((local - truth_).square().mean().item<double>(),
            (own.to(torch::kFloat64) - truth_).square().mean().item<double>() / 10);
}

TEST_F(LuckyEnsemble, LeavesErrorsAsLargeAsTheirVarianceSays) {
  // Luck of three times the noise's variance, as the default weight has it.
  const auto e = lucky_ensemble(n, classes, 0.5 * std::sqrt(3.0));
  const auto found = local_own_effects(e.masks, e.logits, gram_of(e.masks, lambda), lambda);
  const double share = ((found.effect - truth_).square() / found.variance).mean().item<double>();
  EXPECT_GT(share, 0.6);
  EXPECT_LT(share, 1.5);
}

TEST(LocalEffects, OfExamplesThatAllModelsSawHaveNoBoundOnTheirNoise) {
  auto e = simulated_ensemble(12, 6, 9, 2);
  e.masks.select(1, 4).fill_(true);
  const auto estimates = local_own_effects(e.masks, e.logits, gram_of(e.masks, 5), 5);
  EXPECT_TRUE(at::isinf(estimates.variance[4]).all().item<bool>());
  EXPECT_TRUE(at::isfinite(estimates.variance[3]).all().item<bool>());
}

TEST(LocalEffects, DoNotDependOnWorkersAndTakeHalfPrecision) {
  const auto e = simulated_ensemble(20, 40, 50, 2);
  const auto gram = gram_of(e.masks, 5);
  const auto one = local_own_effects(e.masks, e.logits, gram, 5, {.workers = 1});
  const auto three = local_own_effects(e.masks, e.logits, gram, 5, {.workers = 3});
  EXPECT_TRUE(at::equal(one.effect, three.effect));
  EXPECT_TRUE(at::equal(one.variance, three.variance));
  const auto half = e.logits.to(torch::kFloat16);
  const auto of_half = local_own_effects(e.masks, half, gram, 5);
  const auto of_copy = local_own_effects(e.masks, half.to(torch::kFloat32), gram, 5);
  EXPECT_TRUE(at::equal(of_half.effect, of_copy.effect));
}

// Each example's own effect (EffectPrior::own) and the variance that subset_datamodels.h states, written out.
OwnEffectEstimates unbiased(const SimulatedEnsemble& e, double lambda) {
  const auto a = centred_masks(e.masks);
  const auto q = at::linalg_solve(gram_of(e.masks, lambda), a);
  const auto aq = (a * q).sum(0).unsqueeze(1);
  const int64_t n = e.masks.size(1), models = e.masks.size(0);
  const auto z = e.logits.slice(1, 0, n).to(torch::kFloat64);
  OwnEffectEstimates own;
  own.effect = at::einsum("ij,ijc->jc", {q, z - z.mean(0, true)}) / aq;
  const auto seen = e.masks.to(torch::kFloat64).unsqueeze(2);
  const auto squares = [&](const torch::Tensor& w) {
    return (w * (z - (w * z).sum(0) / w.sum(0)).square()).sum(0);
  };
  const auto within = (squares(seen) + squares(1 - seen)) / static_cast<double>(models - 2);
  const auto centred = q - q.mean(0, true);
  own.variance = within * centred.square().sum(0).unsqueeze(1) / aq.square();
  return own;
}

TEST(LocalEffects, AreWhatThePriorLocalShrinksWithinLimits) {
  auto e = simulated_ensemble(30, 120, 150, 3);
  // Example 5 moves all points, so that its neighbours hide its effect on itself.
  e.logits.select(2, 0) += 9 * e.masks.select(1, 5).unsqueeze(1);
  const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, own_ridge(EffectPrior::local, 20));
  const auto local = local_own_effects(e.masks, e.logits, gram_of(e.masks, 20), 20);
  const auto near_local = limit_translation(shrink_own_effects(local), local, 0.75);
  const auto expected = limit_translation(near_local, unbiased(e, 20), 1.75);
  EXPECT_FALSE(at::allclose(near_local, expected, 1e-2, 1e-2));
  EXPECT_TRUE(at::allclose(fitted.own_effects().to(torch::kFloat64), expected, 1e-4, 1e-4));
  const auto own = SubsetDatamodels::fit(e.masks, e.logits, own_ridge(EffectPrior::adaptive, 20));
  EXPECT_FALSE(at::allclose(fitted.own_effects(), own.own_effects(), 1e-2, 1e-2));
}

TEST(LocalEffects, ALogitThatIsNotFiniteIsNamed) {
  auto e = simulated_ensemble(12, 6, 9, 2);
  e.logits[3][7][1] = NAN;
  EXPECT_THROW(local_own_effects(e.masks, e.logits, gram_of(e.masks, 5), 5), NonFiniteError);
}

}  // namespace
}  // namespace expunge
