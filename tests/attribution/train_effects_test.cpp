// Products and components against the matrix formed by the primal regression, one margin at a
// time.
#include "expunge/attribution/train_effects.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

struct Ensemble {
  torch::Tensor masks;    // (N, n) bool
  torch::Tensor margins;  // (N, n) float32
};

Ensemble ensemble(int64_t models, int64_t n) {
  const auto e = simulated_ensemble(models, n, n, 1);
  return {e.masks, e.logits.squeeze(2).contiguous()};
}

// (n, n) float64 by normal equations in the n effects.
torch::Tensor dense_effects(const Ensemble& e, double ratio) {
  const auto masks = e.masks.to(torch::kFloat64);
  const double alpha = masks.mean().item<double>();
  const auto a = masks - alpha;
  const auto z = e.margins.to(torch::kFloat64);
  const int64_t n = a.size(1);
  const double lambda = ratio * static_cast<double>(n) * alpha * (1 - alpha);
  auto b = at::linalg_solve(a.t().matmul(a) + lambda * torch::eye(n, torch::kFloat64),
                            a.t().matmul(z - z.mean(0, true)));
  b.diagonal().zero_();
  return b;
}

EffectOptions with_ratio(double ratio) {
  EffectOptions options;
  options.lambda_ratio = ratio;
  return options;
}

void expect_nearly(const torch::Tensor& got, const torch::Tensor& expected, double tolerance) {
  ASSERT_EQ(got.sizes(), expected.sizes());
  EXPECT_LT((got - expected).abs().max().item<double>(),
            tolerance * expected.abs().max().item<double>());
}

TEST(TrainEffects, MultiplyAsTheDenseMatrix) {
  for (const auto& [models, n] : {std::pair<int64_t, int64_t>{40, 23}, {15, 70}, {30, 30}}) {
    const auto e = ensemble(models, n);
    const auto effects = TrainEffects::fit(e.masks, e.margins, with_ratio(0.7));
    const auto b = dense_effects(e, 0.7);
    const auto eye = torch::eye(n, torch::kFloat64);
    expect_nearly(effects.times(eye), b, 1e-10);
    expect_nearly(effects.transposed_times(eye), b.t(), 1e-10);
    EXPECT_LT(effects.times(eye).diagonal().abs().max().item<double>(), 1e-12);
    const auto x = torch::randn({n, 3}, torch::kFloat64);
    expect_nearly(effects.times(x), b.matmul(x), 1e-10);
  }
}

TEST(TrainEffects, ComponentsAreTheDenseOnes) {
  const auto e = ensemble(60, 50);
  const auto effects = TrainEffects::fit(e.masks, e.margins, with_ratio(0.3));
  const auto b = dense_effects(e, 0.3);
  const auto [u, s, vt] = at::linalg_svd(b);
  for (const int64_t component : {1, 2, 5, 50}) {
    const auto found = effects.principal_component(component);
    const int64_t c = component - 1;
    EXPECT_NEAR(found.value, s[c].item<double>(), 1e-9 * s[0].item<double>());
    const double sign = u.select(1, c).sum().item<double>() > 0 ? 1 : -1;
    expect_nearly(found.left, sign * u.select(1, c), 1e-6);
    expect_nearly(found.right, sign * vt.select(0, c), 1e-6);
    EXPECT_GT(found.left.sum().item<double>(), 0);
  }
}

TEST(TrainEffects, ComponentIsOfTheExamplesThatAct) {
  // Examples 3, 8 and 11 act on the margins of the odd ones, and nothing else acts.
  torch::manual_seed(9);
  Ensemble e{torch::rand({300, 20}) < 0.6, torch::zeros({300, 20})};
  for (const int64_t i : {3, 8, 11}) {
    for (int64_t j = 1; j < 20; j += 2) {
      if (j != i) e.margins.select(1, j) += 2 * e.masks.select(1, i).to(torch::kFloat32);
    }
  }
  const auto u =
      TrainEffects::fit(e.masks, e.margins, with_ratio(0.01)).principal_component(1).left;
  for (int64_t i = 0; i < 20; ++i) {
    const bool acts = i == 3 || i == 8 || i == 11;
    EXPECT_EQ(u[i].item<double>() > 0.4, acts) << i;
  }
}

TEST(TrainEffects, FollowAPermutationOfTheExamples) {
  const auto e = ensemble(60, 50);
  const auto order = torch::randperm(50, torch::kInt64);
  const auto options = with_ratio(0.5);
  const auto u = TrainEffects::fit(e.masks, e.margins, options).principal_component(1).left;
  const auto permuted =
      TrainEffects::fit(e.masks.index_select(1, order), e.margins.index_select(1, order), options)
          .principal_component(1)
          .left;
  expect_nearly(permuted, u.index_select(0, order), 1e-7);
}

TEST(TrainEffects, AreThoseOfMarginsUpToAConstant) {
  const auto e = ensemble(60, 50);
  const auto options = with_ratio(0.5);
  const auto u = TrainEffects::fit(e.masks, e.margins, options).principal_component(1).left;
  const auto moved =
      TrainEffects::fit(e.masks, e.margins + torch::arange(50), options).principal_component(1);
  expect_nearly(moved.left, u, 1e-4);  // float32 margins round otherwise
}

TEST(TrainEffects, DoNotDependOnWorkers) {
  // Several blocks of rows and of columns.
  const auto e = ensemble(400, 3000);
  auto options = with_ratio(1);
  options.workers = 1;
  const auto one = TrainEffects::fit(e.masks, e.margins, options).principal_component(2);
  options.workers = 3;
  const auto three = TrainEffects::fit(e.masks, e.margins, options).principal_component(2);
  EXPECT_TRUE(at::equal(one.left, three.left));
  EXPECT_EQ(one.value, three.value);
}

TEST(TrainEffects, PenaltyIsChosenAsThePlainRidgeDoes) {
  const auto e = ensemble(40, 30);
  const auto effects = TrainEffects::fit(e.masks, e.margins);
  RidgeOptions ridge;
  ridge.prior = EffectPrior::none;
  const auto choice =
      choose_lambda(e.masks, e.margins.unsqueeze(2), mask_design(e.masks), ridge, 0);
  EXPECT_EQ(effects.lambda_choice().ratio, choice.ratio);
  EXPECT_EQ(effects.lambda_choice().curve.size(), choice.curve.size());
  const auto set = TrainEffects::fit(e.masks, e.margins, with_ratio(choice.ratio));
  const auto eye = torch::eye(30, torch::kFloat64);
  expect_nearly(effects.times(eye), set.times(eye), 1e-12);
}

TEST(TrainEffects, AgreementIsTheCosineOfTheHalvesOwnComponents) {
  const auto e = ensemble(61, 20);
  const auto effects = TrainEffects::fit(e.masks, e.margins, with_ratio(0.4));
  const auto vector = [&](int64_t begin, int64_t end) {
    const Ensemble half{e.masks.slice(0, begin, end), e.margins.slice(0, begin, end)};
    return std::get<0>(at::linalg_svd(dense_effects(half, 0.4))).select(1, 1).contiguous();
  };
  EXPECT_NEAR(effects.agreement_of_halves(2).value(),
              std::abs(vector(0, 30).dot(vector(30, 61)).item<double>()), 1e-6);
}

TEST(TrainEffects, NoiseThatAllMarginsShareStandsApartAndHalvesDoNotAgreeOnIt) {
  torch::manual_seed(8);
  const auto masks = torch::rand({400, 60}) < 0.7;
  const auto margins = torch::randn({400, 1}) + 0.1 * torch::randn({400, 60});
  const auto noise = TrainEffects::fit(masks, margins, with_ratio(1));
  const auto found = noise.principal_component(1);
  EXPECT_GT(found.gap, 0.5 * found.value);
  EXPECT_LT(noise.agreement_of_halves(1).value(), 0.4);
  const auto act = masks.slice(1, 0, 5).to(torch::kFloat32).sum(1, true);
  const auto signal = TrainEffects::fit(masks, margins + 3 * act, with_ratio(1));
  EXPECT_GT(signal.agreement_of_halves(1).value(), 0.8);
}

TEST(TrainEffects, AgreementOfHalvesThatCannotBeFittedIsEmpty) {
  const auto e = ensemble(3, 5);
  const auto effects = TrainEffects::fit(e.masks, e.margins, with_ratio(1));
  EXPECT_FALSE(effects.agreement_of_halves(1).has_value());
}

TEST(TrainEffects, RefuseBadInput) {
  const auto e = ensemble(10, 8);
  const auto options = with_ratio(1);
  const auto refuse = [&](const torch::Tensor& masks, const torch::Tensor& margins) {
    EXPECT_THROW(TrainEffects::fit(masks, margins, options), InputError);
  };
  refuse(e.masks, e.margins.slice(0, 1));
  refuse(e.masks, e.margins.slice(1, 1));
  refuse(e.masks, e.margins.to(torch::kFloat64));
  refuse(e.masks.to(torch::kFloat32), e.margins);
  refuse(e.masks[0], e.margins[0]);
  EXPECT_THROW(TrainEffects::fit(e.masks, e.margins, with_ratio(0)), OptionError);
  const auto three = torch::tensor({{1, 0}, {0, 1}, {1, 1}}).to(torch::kBool);
  EXPECT_THROW(TrainEffects::fit(three, torch::rand({3, 2})), OptionError);
  EXPECT_NO_THROW(TrainEffects::fit(three, torch::rand({3, 2}), options));
  auto all_saw = e.masks.clone();
  all_saw.select(1, 5).fill_(true);
  EXPECT_SAYS(message_of<InputError>([&] { TrainEffects::fit(all_saw, e.margins, options); }),
              "training example 5 ");
  auto broken = e.margins.clone();
  broken[4][6] = std::numeric_limits<float>::infinity();
  EXPECT_SAYS(message_of<NonFiniteError>([&] { TrainEffects::fit(e.masks, broken, options); }),
              "[4, 6]");
}

TEST(TrainEffects, WithoutAnyEffectHaveNoComponent) {
  const auto e = ensemble(10, 8);
  const auto effects = TrainEffects::fit(e.masks, torch::full_like(e.margins, 3.0), with_ratio(1));
  EXPECT_THROW(std::ignore = effects.principal_component(1), OptionError);
  EXPECT_THROW(std::ignore = effects.principal_component(9), OptionError);
}

}  // namespace
}  // namespace expunge
