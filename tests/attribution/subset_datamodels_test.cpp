// The dual, never forming weights, against the primal regression of every point by a dense solve.
#include "expunge/attribution/subset_datamodels.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/random.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

// Minimises |y - A b|^2 + lambda sum_i b_i^2 / D_ii for every point and class by normal equations in
// the n effects; D_jj of a training example's own effect is 1, 1 + s, or without bound.
torch::Tensor dense_shift(const SimulatedEnsemble& e, const std::vector<int64_t>& forget,
                          EffectPrior prior, double lambda, double s) {
  const auto masks = e.masks.to(torch::kFloat64);
  const auto a = masks - masks.mean();
  const auto z = e.logits.to(torch::kFloat64);
  const auto y = z - z.mean(0, true);
  const int64_t n = a.size(1);
  auto shift = torch::zeros({z.size(1), z.size(2)}, torch::kFloat64);
  for (int64_t j = 0; j < z.size(1); ++j) {
    auto precision = torch::full({n}, lambda, torch::kFloat64);
    if (j < n && prior == EffectPrior::self) precision[j] /= 1 + s;
    if (j < n && prior == EffectPrior::own) precision[j] = 0;
    const auto beta =
        at::linalg_solve(a.t().matmul(a) + at::diag(precision), a.t().matmul(y.select(1, j)));
    for (const int64_t i : forget) shift[j] -= beta[i];
  }
  return shift;
}

RidgeOptions options_with(EffectPrior prior, double lambda) {
  RidgeOptions options;
  options.prior = prior;
  options.lambda = lambda;
  return options;
}

void expect_close(const torch::Tensor& shift, const torch::Tensor& expected, double tolerance) {
  EXPECT_LT((shift.to(torch::kFloat64) - expected).abs().max().item<double>(),
            tolerance * expected.abs().max().item<double>());
}

TEST(SubsetDatamodels, AgreeWithDenseRegressionForEveryPrior) {
  struct Case {
    int64_t models, n, m, classes;
    double lambda;
  };
  for (const Case& c : {Case{40, 23, 31, 3, 5}, Case{15, 70, 70, 1, 30}, Case{30, 10, 12, 2, 0.01},
                        Case{25, 300, 301, 2, 600}}) {
    const auto e = simulated_ensemble(c.models, c.n, c.m, c.classes);
    const std::vector<int64_t> forget = {1, 7, c.n - 1};
    for (const auto prior : {EffectPrior::own, EffectPrior::self, EffectPrior::none}) {
      auto options = options_with(prior, c.lambda);
      if (prior == EffectPrior::self) options.self_variance = 8.5;
      const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, options);
      const auto shift = fitted.removal_shifts(std::vector<std::vector<int64_t>>{forget})[0];
      EXPECT_EQ(shift.sizes(), at::IntArrayRef({c.m, c.classes}));
      expect_close(shift, dense_shift(e, forget, prior, c.lambda, 8.5), 2e-5);
    }
  }
}

TEST(SubsetDatamodels, SelfVarianceGoesFromPlainRidgeToOwnEffectUnpenalised) {
  const auto e = simulated_ensemble(40, 23, 31, 3);
  const std::vector<std::vector<int64_t>> forget = {{2, 3}};
  const auto shift = [&](EffectPrior prior, std::optional<double> s) {
    auto options = options_with(prior, 20);
    options.self_variance = s;
    return SubsetDatamodels::fit(e.masks, e.logits, options).removal_shifts(forget)[0];
  };
  expect_close(shift(EffectPrior::self, 0), shift(EffectPrior::none, {}).to(torch::kFloat64), 1e-6);
  expect_close(shift(EffectPrior::self, 1e9), shift(EffectPrior::own, {}).to(torch::kFloat64),
               1e-5);
}

TEST(SubsetDatamodels, FindTheEffectsThatMadeTheLogits) {
  // Much data, little noise: the shift must be minus the sum of the true effects.
  torch::manual_seed(2);
  const auto masks = torch::rand({400, 12}) < 0.8;
  const auto effects = torch::randn({12, 30}, torch::kFloat64);
  const auto logits = (masks.to(torch::kFloat64).matmul(effects) + 3)
                          .add(0.001 * torch::randn({400, 30}, torch::kFloat64))
                          .to(torch::kFloat32)
                          .view({400, 15, 2});
  const auto fitted = SubsetDatamodels::fit(masks, logits, options_with(EffectPrior::own, 0.001));
  const auto shift = fitted.removal_shifts(std::vector<std::vector<int64_t>>{{0, 5}})[0];
  EXPECT_TRUE(at::allclose(shift.to(torch::kFloat64), -(effects[0] + effects[5]).view({15, 2}),
                           0.01, 0.01));
}

TEST(SubsetDatamodels, ManyRemovalSetsAtOnceAreEachAsAlone) {
  const auto e = simulated_ensemble(30, 40, 60, 3);
  const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, options_with(EffectPrior::own, 40));
  std::vector<std::vector<int64_t>> sets;
  for (int64_t k = 0; k < 12; ++k) sets.push_back({k, 2 * k + 1});
  sets[0] = {0, 39};
  const auto together = fitted.removal_shifts(sets);
  for (int64_t k = 0; k < 12; ++k) {
    const auto alone = fitted.removal_shifts(std::span(sets).subspan(static_cast<size_t>(k), 1))[0];
    expect_close(together[k], alone.to(torch::kFloat64), 1e-5);
  }
}

TEST(SubsetDatamodels, AreLinearInTheRemovalSet) {
  const auto e = simulated_ensemble(30, 40, 60, 3);
  const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, options_with(EffectPrior::own, 40));
  const auto shifts =
      fitted.removal_shifts(std::vector<std::vector<int64_t>>{{1, 2}, {3}, {1, 2, 3}});
  expect_close(shifts[2], (shifts[0] + shifts[1]).to(torch::kFloat64), 1e-5);
}

TEST(SubsetDatamodels, DoNotDependOnWorkersOrOrderOfModels) {
  const auto e = simulated_ensemble(30, 600, 700, 2);
  const std::vector<std::vector<int64_t>> forget = {{1, 500}};
  auto options = options_with(EffectPrior::own, 40);
  options.workers = 1;
  const auto one = SubsetDatamodels::fit(e.masks, e.logits, options).removal_shifts(forget);
  options.workers = 3;
  const auto three = SubsetDatamodels::fit(e.masks, e.logits, options).removal_shifts(forget);
  EXPECT_TRUE(at::equal(one, three));
  const auto flipped =
      SubsetDatamodels::fit(e.masks.flip(0), e.logits.flip(0), options).removal_shifts(forget);
  expect_close(flipped, one.to(torch::kFloat64), 1e-4);
}

TEST(SubsetDatamodels, AgreeWithDenseRegressionForSizesDrawnAtRandom) {
  CounterRng rng(derive_seed(17, "sizes of ensembles", 0));
  const auto between = [&rng](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(rng.uniform() * static_cast<double>(high - low + 1));
  };
  for (int draw = 0; draw < 25; ++draw) {
    const int64_t models = between(8, 50), n = between(2, 90), m = n + between(0, 9);
    const int64_t classes = between(1, 5), removed = between(1, n - 1);
    const double lambda = std::exp(6 * rng.uniform() - 1);
    SCOPED_TRACE(fmt::format("{} models, n {}, m {}, {} classes, {} removed, lambda {}", models, n,
                             m, classes, removed, lambda));
    const auto e = simulated_ensemble(models, n, m, classes);
    auto forget = rng.permutation(n);
    forget.resize(static_cast<size_t>(removed));
    auto options = options_with(EffectPrior::self, lambda);
    options.self_variance = 20 * rng.uniform();
    const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, options);
    expect_close(fitted.removal_shifts(std::vector<std::vector<int64_t>>{forget})[0],
                 dense_shift(e, forget, EffectPrior::self, lambda, *options.self_variance), 1e-4);
  }
}

TEST(SubsetDatamodels, FollowPermutationsOfExamplesOtherPointsAndClasses) {
  const auto e = simulated_ensemble(30, 40, 60, 3);
  CounterRng rng(derive_seed(5, "order of points", 0));
  const auto tensor = [](const std::vector<int64_t>& values) {
    return torch::tensor(values, torch::kInt64);
  };
  const auto examples = rng.permutation(40), others = rng.permutation(20);
  auto points = examples;
  for (const int64_t j : others) points.push_back(40 + j);
  const auto classes = tensor({2, 0, 1});
  for (const auto prior : {EffectPrior::own, EffectPrior::adaptive, EffectPrior::none}) {
    const auto options = options_with(prior, 40);
    const auto shift =
        SubsetDatamodels::fit(e.masks, e.logits, options)
            .removal_shifts(std::vector<std::vector<int64_t>>{{examples[3], examples[8]}})[0];
    const auto moved =
        SubsetDatamodels::fit(
            e.masks.index_select(1, tensor(examples)).contiguous(),
            e.logits.index_select(1, tensor(points)).index_select(2, classes).contiguous(), options)
            .removal_shifts(std::vector<std::vector<int64_t>>{{3, 8}})[0];
    expect_close(moved,
                 shift.index_select(0, tensor(points)).index_select(1, classes).to(torch::kFloat64),
                 1e-4);
  }
}

TEST(SubsetDatamodels, DoNotChangeWhenAConstantIsAddedToLogits) {
  const auto e = simulated_ensemble(30, 40, 60, 3);
  const std::vector<std::vector<int64_t>> forget = {{1, 2}};
  const auto options = options_with(EffectPrior::own, 40);
  const auto a = SubsetDatamodels::fit(e.masks, e.logits, options).removal_shifts(forget);
  const auto b = SubsetDatamodels::fit(e.masks, e.logits + 50, options).removal_shifts(forget);
  expect_close(b, a.to(torch::kFloat64), 1e-3);
}

TEST(SubsetDatamodels, TakeHalfPrecision) {
  const auto e = simulated_ensemble(30, 40, 60, 3);
  const SimulatedEnsemble half{e.masks, e.logits.to(torch::kFloat16)};
  const auto fitted =
      SubsetDatamodels::fit(half.masks, half.logits, options_with(EffectPrior::own, 40));
  const std::vector<int64_t> forget = {3, 4};
  expect_close(fitted.removal_shifts(std::vector<std::vector<int64_t>>{forget})[0],
               dense_shift(half, forget, EffectPrior::own, 40, 0), 2e-5);
}

TEST(SubsetDatamodels, RefuseAnOwnEffectThatNoModelTellsByName) {
  auto e = simulated_ensemble(30, 40, 60, 3);
  e.masks.select(1, 17).fill_(true);
  e.masks.select(1, 18).fill_(false);
  const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, options_with(EffectPrior::own, 40));
  for (const int64_t example : {17, 18}) {
    try {
      std::ignore = fitted.removal_shifts(std::vector<std::vector<int64_t>>{{3, example}});
      FAIL();
    } catch (const InputError& error) {
      EXPECT_NE(std::string(error.what()).find(fmt::format("example {} ", example)),
                std::string::npos);
      EXPECT_NE(std::string(error.what()).find(example == 17 ? "30 of 30" : "0 of 30"),
                std::string::npos);
    }
  }
  // Removing other examples is defined, also at the points whose own effect is not.
  const std::vector<int64_t> forget = {3, 4};
  const auto others = fitted.removal_shifts(std::vector<std::vector<int64_t>>{forget});
  EXPECT_TRUE(at::isfinite(others).all().item<bool>());
}

TEST(SubsetDatamodels, RefuseBadInput) {
  const auto e = simulated_ensemble(10, 8, 9, 2);
  const auto options = options_with(EffectPrior::own, 5);
  EXPECT_THROW(SubsetDatamodels::fit(e.masks, e.logits.slice(0, 1), options), InputError);
  EXPECT_THROW(SubsetDatamodels::fit(e.masks, e.logits.slice(1, 0, 7), options), InputError);
  EXPECT_THROW(SubsetDatamodels::fit(e.masks, e.logits.to(torch::kFloat64), options), InputError);
  EXPECT_THROW(SubsetDatamodels::fit(e.masks.to(torch::kFloat32), e.logits, options), InputError);
  EXPECT_THROW(SubsetDatamodels::fit(torch::ones_like(e.masks), e.logits, options), InputError);
  const auto fitted = SubsetDatamodels::fit(e.masks, e.logits, options);
  using Sets = std::vector<std::vector<int64_t>>;
  EXPECT_THROW(std::ignore = fitted.removal_shifts(Sets{{}}), InputError);
  EXPECT_THROW(std::ignore = fitted.removal_shifts(Sets{{1, 1}}), InputError);
  EXPECT_THROW(std::ignore = fitted.removal_shifts(Sets{{8}}), InputError);
  EXPECT_THROW(std::ignore = fitted.removal_shifts(Sets{{-1}}), InputError);
  EXPECT_THROW(std::ignore = fitted.removal_shifts(Sets{{0, 1, 2, 3, 4, 5, 6, 7}}), InputError);
}

TEST(SubsetDatamodels, NameALogitThatIsNotFinite) {
  auto e = simulated_ensemble(10, 8, 20, 2);
  e.logits[4][5][1] = std::numeric_limits<float>::quiet_NaN();
  const auto options = options_with(EffectPrior::own, 5);
  EXPECT_THROW(SubsetDatamodels::fit(e.masks, e.logits, options), NonFiniteError);
  auto f = simulated_ensemble(10, 8, 20, 2);
  f.logits[4][15][1] = std::numeric_limits<float>::infinity();  // a validation point
  const auto fitted = SubsetDatamodels::fit(f.masks, f.logits, options);
  try {
    std::ignore = fitted.removal_shifts(std::vector<std::vector<int64_t>>{{1}});
    FAIL();
  } catch (const NonFiniteError& error) {
    EXPECT_NE(std::string(error.what()).find("[4, 15, 1]"), std::string::npos) << error.what();
  }
}

TEST(RidgeOptions, AreChecked) {
  RidgeOptions options;
  options.lambda = 0;
  EXPECT_THROW(options.validate(), OptionError);
  options.lambda = 3;
  options.lambda_ratio = 1;
  EXPECT_THROW(options.validate(), OptionError);
  options = {};
  options.self_variance = 3;
  EXPECT_THROW(options.validate(), OptionError);
  options.prior = EffectPrior::self;
  EXPECT_NO_THROW(options.validate());
}

TEST(SubsetDatamodels, AdaptivePriorIsTheOwnOneWhereThereIsNoNoise) {
  const auto e = simulated_ensemble(60, 20, 25, 3, 0.7, 0);
  // Effects of others would look like noise within the groups.
  auto quiet = e;
  quiet.logits = torch::zeros_like(e.logits);
  for (int64_t j = 0; j < 20; ++j) {
    quiet.logits.select(1, j).copy_(e.masks.select(1, j).unsqueeze(1).to(torch::kFloat32) *
                                    torch::tensor({1.0F + static_cast<float>(j), 0.5F, -2.0F}));
  }
  const std::vector<std::vector<int64_t>> forget = {{2, 5, 19}};
  const auto shift = [&](EffectPrior prior) {
    return SubsetDatamodels::fit(quiet.masks, quiet.logits, options_with(prior, 1e6))
        .removal_shifts(forget)[0];
  };
  expect_close(shift(EffectPrior::adaptive), shift(EffectPrior::own).to(torch::kFloat64), 1e-4);
}

TEST(SubsetDatamodels, AdaptivePriorIsNearerToTheTruthWithFewNoisyModels) {
  // Every example acts on itself by 4; 40 models say so with noise.
  const auto e = simulated_ensemble(40, 200, 200, 2, 0.7, 6);
  const auto error = [&](EffectPrior prior) {
    const auto effects =
        SubsetDatamodels::fit(e.masks, e.logits, options_with(prior, 400)).own_effects();
    return (effects - 4).square().mean().item<double>();
  };
  EXPECT_LT(error(EffectPrior::adaptive), 0.5 * error(EffectPrior::own));
}

TEST(SubsetDatamodels, AutomaticPriorIsLocalWhereThatIsAffordable) {
  EXPECT_EQ(resolved_prior(EffectPrior::automatic, 100, 50000, 10), EffectPrior::local);
  EXPECT_EQ(resolved_prior(EffectPrior::automatic, 1000, 50000, 10), EffectPrior::adaptive);
  EXPECT_EQ(resolved_prior(EffectPrior::automatic, 1000, 2000, 10), EffectPrior::local);
  EXPECT_EQ(resolved_prior(EffectPrior::own, 100, 100, 10), EffectPrior::own);
  const auto e = simulated_ensemble(30, 40, 60, 3);
  const std::vector<std::vector<int64_t>> removals = {{1, 2}};
  EXPECT_TRUE(at::equal(
      SubsetDatamodels::fit(e.masks, e.logits).removal_shifts(removals),
      SubsetDatamodels::fit(
          e.masks, e.logits,
          {.prior = EffectPrior::local, .lambda = {}, .lambda_ratio = {}, .self_variance = {}})
          .removal_shifts(removals)));
}

}  // namespace
}  // namespace expunge
