// The multiplier of predictions whose right size is known.
#include "expunge/attribution/multiplier.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

/// Shifts that are sums of effects (n, m, C), times a factor.
class KnownEffects final : public Attributor {
 public:
  KnownEffects(torch::Tensor effects, double factor)
      : effects_(std::move(effects)), factor_(factor) {}
  torch::Tensor removal_shifts(std::span<const std::vector<int64_t>> removals) const override {
    std::vector<torch::Tensor> shifts;
    for (const auto& removal : removals)
      shifts.push_back(-factor_ * effects_.index_select(0, torch::tensor(removal)).sum(0));
    return torch::stack(shifts);
  }

 private:
  torch::Tensor effects_;
  double factor_;
};

struct Trainings {
  explicit Trainings(uint64_t seed, int64_t models = 40, double noise = 1) {
    torch::manual_seed(3);
    effects = torch::randn({30, 12, 3});
    torch::manual_seed(seed);
    masks = torch::rand({models, 30}) < 0.7;
    const auto seen = masks.to(torch::kFloat32);
    logits = seen.matmul(effects.flatten(1)).view({models, 12, 3}) + 5;
    logits += noise * torch::randn({models, 1, 1}) + noise * torch::randn({models, 12, 3});
  }
  torch::Tensor effects, masks, logits;
};

TEST(FitMultiplier, FindsTheFactorThatIsMissing) {
  const Trainings exact(1, 40, 0);
  const auto fitted =
      fit_multiplier(KnownEffects(exact.effects, 0.25), exact.masks, exact.logits, 50);
  EXPECT_NEAR(fitted.value, 4, 1e-4);
  EXPECT_NEAR(fitted.explained, 1, 1e-4);
  EXPECT_LT(fitted.standard_error, 1e-4);
  EXPECT_EQ(fitted.models, 40);
}

TEST(FitMultiplier, ErrsAsItsStandardErrorSays) {
  double squares = 0;
  double predicted = 0;
  const int trials = 200;
  for (int t = 0; t < trials; ++t) {
    const Trainings noisy(static_cast<uint64_t>(10 + t), 20, 6);
    const auto fitted = fit_multiplier(KnownEffects(noisy.effects, 1), noisy.masks, noisy.logits);
    squares += std::pow(fitted.value - 1, 2) / trials;
    predicted += std::pow(fitted.standard_error, 2) / trials;
  }
  EXPECT_NEAR(std::sqrt(predicted / squares), 1, 0.2);
}

TEST(FitMultiplier, TakesNoMoreModelsThanItIsTold) {
  Trainings trainings(1, 40, 0);
  trainings.logits.narrow(0, 10, 30).fill_(1e30F);
  const auto fitted =
      fit_multiplier(KnownEffects(trainings.effects, 2), trainings.masks, trainings.logits, 10);
  EXPECT_NEAR(fitted.value, 0.5, 1e-4);
  EXPECT_EQ(fitted.models, 10);
}

TEST(FitMultiplier, RefusesWhatCannotBe) {
  const Trainings trainings(1);
  const KnownEffects known(trainings.effects, 1);
  EXPECT_EQ(message_of<InputError>(
                [&] { (void)fit_multiplier(known, trainings.masks, trainings.logits, 3); }),
            "multiplier: at least 4 subset models required, got 3");
  EXPECT_EQ(message_of<InputError>([&] {
              (void)fit_multiplier(known, trainings.masks, trainings.logits.narrow(0, 0, 5));
            }),
            "multiplier: logits (40, points, classes) required, got [5, 12, 3]");
  EXPECT_EQ(message_of<InputError>([&] {
              (void)fit_multiplier(KnownEffects(trainings.effects, 0), trainings.masks,
                                   trainings.logits);
            }),
            "multiplier: predictions for subset models are all alike");
  auto broken = trainings.logits.clone();
  broken[2][3][0] = std::numeric_limits<float>::infinity();
  EXPECT_THROW((void)fit_multiplier(known, trainings.masks, broken), NonFiniteError);
}

TEST(ScaledAttributor, MultipliesShifts) {
  const Trainings trainings(1);
  const ScaledAttributor scaled(std::make_unique<KnownEffects>(trainings.effects, 1), 3);
  const std::vector<std::vector<int64_t>> removals = {{2, 5}};
  EXPECT_TRUE(torch::allclose(scaled.removal_shifts(removals),
                              KnownEffects(trainings.effects, 3).removal_shifts(removals)));
}

}  // namespace
}  // namespace expunge
