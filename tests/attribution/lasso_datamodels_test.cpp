#include "expunge/attribution/lasso_datamodels.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "message_of.h"
#include "nan.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

struct DenseFit {
  torch::Tensor beta;  // (n) float64
  double level = 0;    // of a model that saw nothing
};

// The LASSO by plain proximal gradient steps, in float64 and with dense matrices.
DenseFit proximal_lasso(const torch::Tensor& masks, const torch::Tensor& y, double lambda) {
  const auto x = masks.to(torch::kFloat64);
  const auto mean = x.mean(0);
  const auto centred = x - mean;
  const auto models = static_cast<double>(x.size(0));
  const double step = models / at::linalg_svdvals(centred).square().max().item<double>();
  auto beta = torch::zeros({x.size(1)}, torch::kFloat64);
  for (int i = 0; i < 600; ++i) {
    const auto to = beta + step * centred.t().matmul(y - y.mean() - centred.matmul(beta)) / models;
    beta = to.sign() * (to.abs() - step * lambda).clamp_min(0);
  }
  return {beta, (y.mean() - mean.dot(beta)).item<double>()};
}

TEST(LassoDatamodels, PredictsMinusTheEffectsOfWhatIsRemoved) {
  const auto e = simulated_ensemble(60, 20, 24, 2);
  const double lambda = 0.03;
  const auto datamodels =
      LassoDatamodels::fit(e.masks, e.logits, {.lambda = lambda, .tolerance = 1e-6});
  const std::vector<std::vector<int64_t>> removals = {{3}, {0, 5, 19}};
  const auto shifts = datamodels.removal_shifts(removals);
  ASSERT_EQ(shifts.sizes(), at::IntArrayRef({2, 24, 2}));
  EXPECT_GT(datamodels.count(), 0);
  for (const int64_t j : {0, 3, 5, 22}) {
    const auto beta =
        proximal_lasso(e.masks, e.logits.select(1, j).select(1, 1).to(torch::kFloat64), lambda)
            .beta;
    for (int64_t k = 0; k < 2; ++k) {
      double expected = 0;
      for (const int64_t i : removals[k]) expected -= beta[i].item<double>();
      EXPECT_NEAR(shifts[k][j][1].item<double>(), expected, 2e-3) << j;
    }
    const auto effects = datamodels.effects(j, 1);
    double sum = 0;
    for (const float value : effects.values) sum += value;
    EXPECT_NEAR(sum, beta.sum().item<double>(), 1e-2);
  }
}

// Every penalty of the path tried on the last models, by hand.
torch::Tensor held_out_errors(const SimulatedEnsemble& e, int64_t fitted, int64_t point,
                              int64_t label, const std::vector<double>& lambdas) {
  const auto y = e.logits.select(1, point).select(1, label).to(torch::kFloat64);
  auto errors = torch::zeros({static_cast<int64_t>(lambdas.size())}, torch::kFloat64);
  for (size_t s = 0; s < lambdas.size(); ++s) {
    const auto fit = proximal_lasso(e.masks.slice(0, 0, fitted), y.slice(0, 0, fitted), lambdas[s]);
    const auto truth = y.slice(0, fitted);
    const auto guess = e.masks.slice(0, fitted).to(torch::kFloat64).matmul(fit.beta) + fit.level;
    errors[static_cast<int64_t>(s)] = (truth - guess).square().sum();
  }
  return errors;
}

double top_lambda(const SimulatedEnsemble& e, int64_t fitted, int64_t point, int64_t label) {
  const auto x = e.masks.slice(0, 0, fitted).to(torch::kFloat64);
  const auto y = e.logits.select(1, point).select(1, label).to(torch::kFloat64).slice(0, 0, fitted);
  return ((x - x.mean(0)).t().matmul(y - y.mean()) / static_cast<double>(fitted))
      .abs()
      .max()
      .item<double>();
}

TEST(LassoDatamodels, ChoosesThePenaltyThatPredictsHeldOutModels) {
  const auto e = simulated_ensemble(50, 12, 12, 1);
  LassoOptions options{.held_out = 0.2, .path_steps = 5, .path_end = 0.05, .tolerance = 1e-6};
  const auto each = LassoDatamodels::fit(e.masks, e.logits, options);
  std::vector<double> tops;
  for (int64_t j = 0; j < 12; ++j) tops.push_back(top_lambda(e, 40, j, 0));
  const double top = *std::max_element(tops.begin(), tops.end());
  auto total = torch::zeros({5}, torch::kFloat64);
  for (int64_t j = 0; j < 12; ++j) {
    std::vector<double> own, shared;
    for (int s = 0; s < 5; ++s) {
      own.push_back(tops[j] * std::pow(0.05, s / 4.0));
      shared.push_back(top * std::pow(0.05, s / 4.0));
    }
    const auto best = held_out_errors(e, 40, j, 0, own).argmin().item<int64_t>();
    EXPECT_NEAR(each.lambdas()[j][0].item<double>(), own[best], 1e-4 * own[best]) << j;
    total += held_out_errors(e, 40, j, 0, shared);
  }
  options.choice = LassoChoice::shared;
  const auto shared = LassoDatamodels::fit(e.masks, e.logits, options);
  const double expected = top * std::pow(0.05, total.argmin().item<int64_t>() / 4.0);
  EXPECT_NEAR(shared.lambdas().min().item<double>(), expected, 1e-4 * expected);
  EXPECT_NEAR(shared.lambdas().max().item<double>(), expected, 1e-4 * expected);
  ASSERT_EQ(shared.curve().size(), 5U);
  EXPECT_NEAR(shared.curve()[0].ratio, 0.05, 1e-9);
  const double worst = total[0].item<double>();  // at the top nothing is explained but the mean
  for (size_t s = 0; s < 5; ++s) {
    EXPECT_NEAR(shared.curve()[s].relative_error / shared.curve()[4].relative_error,
                total[4 - static_cast<int64_t>(s)].item<double>() / worst, 2e-3);
  }
}

TEST(LassoDatamodels, ASampleOfManyTargetsChoosesTheSharedPenaltyAndAllAreTold) {
  class Told final : public ProgressSink {
   public:
    void update(std::string_view task, int64_t now, int64_t all, int64_t /*resumed*/) override {
      EXPECT_EQ(task, "lasso");
      EXPECT_GE(now, done);
      done = now;
      total = all;
    }
    int64_t done = 0, total = 0;
  } told;
  const auto e = simulated_ensemble(40, 10, 15, 3);
  LassoOptions options;
  options.choice = LassoChoice::shared;
  options.path_steps = 5;
  const auto once = LassoDatamodels::fit(e.masks, e.logits, options);
  const int64_t copies = 4800 / once.points() / once.classes() + 1;
  const auto many = e.logits.repeat({1, copies, 1});
  const auto sampled = LassoDatamodels::fit(e.masks, many, options, &told);
  EXPECT_FLOAT_EQ(sampled.lambdas().min().item<float>(), once.lambdas().min().item<float>());
  EXPECT_FLOAT_EQ(sampled.lambdas().max().item<float>(), once.lambdas().max().item<float>());
  const std::vector<std::vector<int64_t>> removals = {{1, 2}};
  const auto shift = sampled.removal_shifts(removals);
  EXPECT_TRUE(torch::allclose(shift.narrow(1, once.points() * (copies - 1), once.points()),
                              once.removal_shifts(removals), 1e-3, 1e-3));
  EXPECT_EQ(told.done, told.total);
  EXPECT_EQ(told.total, 4096 + sampled.points() * sampled.classes());
}

TEST(LassoDatamodels, HalfPrecisionAndWorkersChangeNothing) {
  const auto e = simulated_ensemble(40, 10, 15, 3);
  const auto half = e.logits.to(torch::kFloat16);
  const auto a = LassoDatamodels::fit(e.masks, half, {.workers = 1});
  const auto b = LassoDatamodels::fit(e.masks, half.to(torch::kFloat32), {.workers = 3});
  const std::vector<std::vector<int64_t>> removals = {{1, 2}};
  EXPECT_TRUE(torch::equal(a.removal_shifts(removals), b.removal_shifts(removals)));
  EXPECT_TRUE(torch::equal(a.lambdas(), b.lambdas()));
}

TEST(LassoDatamodels, AreTheSameFromFiles) {
  const ScratchFolder folder;
  const auto e = simulated_ensemble(40, 10, 15, 3);
  const auto made = LassoDatamodels::fit(e.masks, e.logits);
  made.save(folder.path() / "d");
  const auto loaded = LassoDatamodels::load(folder.path() / "d");
  const std::vector<std::vector<int64_t>> removals = {{0, 9}};
  EXPECT_TRUE(torch::equal(made.removal_shifts(removals), loaded.removal_shifts(removals)));
  EXPECT_TRUE(torch::equal(made.lambdas(), loaded.lambdas()));
  ASSERT_EQ(loaded.curve().size(), made.curve().size());
  EXPECT_EQ(loaded.curve()[2].relative_error, made.curve()[2].relative_error);
  EXPECT_TRUE(torch::equal(LassoDatamodels::load(folder.path() / "d", e.masks, e.logits).lambdas(),
                           made.lambdas()));
  EXPECT_THROW(LassoDatamodels::load(folder.path() / "d", e.masks, e.logits + 1), InputError);
  EXPECT_THROW(LassoDatamodels::load(folder.path() / "d", e.masks, e.logits, {.path_steps = 9}),
               InputError);
}

TEST(LassoDatamodels, RefuseDamagedFiles) {
  const ScratchFolder scratch;
  const auto folder = scratch.path() / "d";
  const auto e = simulated_ensemble(40, 10, 15, 1);
  const auto made = LassoDatamodels::fit(e.masks, e.logits);
  ASSERT_GT(made.count(), 2);
  const auto refusal = [&](const char* file,
                           const std::function<torch::Tensor(torch::Tensor)>& spoil) {
    made.save(folder);
    write_npy(folder / file, spoil(read_npy(folder / file)));
    return message_of<Error>([&] { LassoDatamodels::load(folder); });
  };
  EXPECT_NE(
      refusal("offsets.npy", [](const torch::Tensor& a) { return a.slice(0, 1).contiguous(); })
          .find("(16)"),
      std::string::npos);
  EXPECT_NE(refusal("offsets.npy",
                    [](auto a) {
                      a[1] = a[15] + 1;
                      return a;
                    })
                .find("rise"),
            std::string::npos);
  EXPECT_NE(refusal("examples.npy",
                    [](auto a) {
                      a[0] = 10;
                      return a;
                    })
                .find("below 10"),
            std::string::npos);
  EXPECT_NE(refusal("effects.npy",
                    [](auto a) {
                      a[1] = kNan;
                      return a;
                    })
                .find("finite"),
            std::string::npos);
  EXPECT_NE(refusal("lambdas.npy", [](const torch::Tensor& a) { return a.view({-1}); })
                .find("lambdas.npy"),
            std::string::npos);
  made.save(folder);
  std::ofstream(folder / "lasso.json") << "{\"format_version\": 1";
  EXPECT_NE(message_of<InputError>([&] { LassoDatamodels::load(folder); }).find("damaged"),
            std::string::npos);
}

TEST(LassoDatamodels, RefuseWhatCannotBeFitted) {
  const auto e = simulated_ensemble(20, 10, 15, 1);
  const auto fit = [&](const torch::Tensor& masks, const torch::Tensor& logits,
                       LassoOptions o = {}) {
    return message_of<Error>([&] { LassoDatamodels::fit(masks, logits, o); });
  };
  EXPECT_SAYS(fit(e.masks, e.logits.slice(1, 0, 9)), "m >= 10");
  EXPECT_SAYS(fit(e.masks, e.logits.slice(0, 0, 19)), "(20, m");
  auto spoilt = e.logits.clone();
  spoilt[3][4][0] = kNan;
  EXPECT_SAYS(fit(e.masks, spoilt), "model 3");
  EXPECT_SAYS(fit(e.masks.slice(0, 0, 3), e.logits.slice(0, 0, 3)), "lasso_lambda");
  EXPECT_SAYS(fit(e.masks, e.logits, {.held_out = 1}), "lasso_held_out");
  const auto fitted = LassoDatamodels::fit(e.masks, e.logits);
  const std::vector<std::vector<int64_t>> twice = {{1, 1}};
  EXPECT_THROW(static_cast<void>(fitted.removal_shifts(twice)), InputError);
  EXPECT_THROW(static_cast<void>(fitted.effects(15, 0)), InputError);
}

}  // namespace
}  // namespace expunge
