// Draws of a forecast: points move together as full models' do, and what a prediction tells apart is not left.
#include "expunge/evaluate/forecast_simulation.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/simulated_unlearning.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

const std::vector<int64_t> kSome = {3, 8, 20, 41, 57, 66, 90, 103, 124, 140};

KlomForecast drawn_forecast(const ForecastModels& models, const ForecastCase& set,
                            int64_t unlearned = 0) {
  ForecastOptions options;
  options.resamples = 100;
  options.unlearned = unlearned;
  options.workers = 1;
  return forecast_klom(models, {&set, 1}, options).front();
}

TEST(CorrelatedRows, HaveTheCorrelationsOfTheModels) {
  torch::manual_seed(4);
  auto margins = torch::randn({30, 6}) + torch::randn({30, 1}) * torch::arange(6.0F);
  margins.select(1, 2).fill_(7);  // never differs
  const auto rows = correlated_rows(margins).to(torch::kFloat64);
  const auto found = rows.t().matmul(rows);
  const auto some = torch::tensor({0, 1, 3, 4, 5});
  const auto expected = at::corrcoef(margins.index_select(1, some).t().to(torch::kFloat64));
  EXPECT_TRUE(at::allclose(found.index_select(0, some).index_select(1, some), expected, 0, 1e-6));
  EXPECT_EQ(rows.select(1, 2).abs().max().item<double>(), 0);
}

// All points of a model move together: the means of 100 models then differ everywhere alike.
TEST(ForecastDraws, LuckThatPointsShareWidensWhatWillBeMeasured) {
  const SimulatedUnlearning world;
  auto models = world.ensembles();
  const auto apart = drawn_forecast(models, world.predicted(models, kSome, 1));
  torch::manual_seed(6);
  models.full_margins += 2 * torch::randn({world.models, 1});
  const auto together = drawn_forecast(models, world.predicted(models, kSome, 1));
  // Both in nats: a standard deviation is 1 nat apart, sqrt(5) together.
  EXPECT_GT(std::sqrt(5) * together.retain_error.high, apart.retain_error.high + 0.1);
  EXPECT_GT(together.retain.high - together.retain.low,
            1.5 * (apart.retain.high - apart.retain.low));
}

// 25 examples of class 0 take 0.0125 or 0.0875 nats each from the others of their class.
TEST(ForecastDraws, WhatThePredictionTellsApartIsNotLeft) {
  SimulatedUnlearning world;
  world.coupling = 0.05;
  std::vector<int64_t> forget;
  for (int64_t j = 0; j < 50; j += 2) forget.push_back(j);
  const auto models = world.ensembles();
  const auto right = world.predicted(models, forget, 1);
  // The same on average over each class, which tells no two points of a class apart.
  auto flat = right;
  flat.predicted = right.predicted.clone();
  for (int64_t c = 0; c < 2; ++c) {
    auto points = flat.predicted.narrow(1, world.n, world.n).slice(1, c, world.n, 2);
    const auto full = models.full_margins.narrow(1, world.n, world.n).slice(1, c, world.n, 2);
    points.copy_(full + (points - full).mean());
  }
  const auto told = drawn_forecast(models, right), untold = drawn_forecast(models, flat);
  EXPECT_LT(told.validation_error.median, 0.8 * untold.validation_error.median);
  EXPECT_LT(told.validation.median, untold.validation.median);
}

// A prediction that is wrong by 1 deviation, up or down: sets of up to 20 examples may differ by e^(1.96 / 2) = 2.7 either
// way, of 100 by e^(1.96 / 2 / sqrt(5)) = 1.55.
TEST(ForecastDraws, SetsDifferByMoreThanTheirEstimatesTheLessTheLarger) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles(/*error=*/1);
  const auto error_of = [&](int64_t size) {
    std::vector<int64_t> forget;
    for (int64_t j = 0; j < size; ++j) forget.push_back(j);
    return drawn_forecast(models, world.predicted(models, forget, 1)).forget_error;
  };
  const auto small = error_of(20), large = error_of(100);
  EXPECT_NEAR(small.median, std::sqrt(0.8), 0.3);
  EXPECT_NEAR(large.median, std::sqrt(0.8), 0.15);
  EXPECT_GT(small.high, 2 * small.median);
  EXPECT_LT(small.low, small.median / 2);
  EXPECT_NEAR(large.high / large.median, 1.55, 0.25);
  EXPECT_NEAR(large.median / large.low, 1.55, 0.25);
}

TEST(ForecastDraws, FewerModelsMeasureMore) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  const auto set = world.predicted(models, kSome, 1);
  EXPECT_GT(drawn_forecast(models, set, 30).validation.low,
            drawn_forecast(models, set).validation.high);
  ForecastOptions one;
  one.unlearned = 1;
  EXPECT_THROW(one.validate(), OptionError);
}

}  // namespace
}  // namespace expunge
