#include "expunge/evaluate/klom_forecast.h"

#include <gtest/gtest.h>

#include <cmath>

#include "evaluate/simulated_unlearning.h"
#include "expunge/core/error.h"
#include "expunge/evaluate/group_summary.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

const std::vector<int64_t> kMixed = {3,   8,   20,  41,  57,  66,  90,  103,
                                     124, 140, 155, 162, 177, 181, 198, 199};

KlomForecast forecast_of(const ForecastModels& models, const ForecastCase& set,
                         int64_t workers = 1) {
  ForecastOptions options;
  options.resamples = 60;
  options.workers = workers;
  return forecast_klom(models, {&set, 1}, options).front();
}

KlomSummary truth(const SimulatedUnlearning& world, const ForecastCase& set) {
  return summarise_klom(klom(set.predicted, world.retrained(set.forget, world.models, 7)), world.n,
                        set.forget);
}

void expect_holds(const ForecastInterval& interval, double value, const char* what) {
  EXPECT_LE(interval.low, value) << what;
  EXPECT_GE(interval.high, value) << what;
}

TEST(KlomForecast, FindsNothingWrongWithAPredictionThatIsRight) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  const auto set = world.predicted(models, kMixed, 1);
  const auto forecast = forecast_of(models, set);
  EXPECT_NEAR(forecast.parameters.bias, 0, 0.15);
  EXPECT_NEAR(forecast.parameters.spread, 1, 0.1);
  EXPECT_NEAR(forecast.parameters.own_error, 0, 0.03);
  expect_holds(forecast.multiplier, 1, "multiplier");
  const auto measured = truth(world, set);
  expect_holds(forecast.forget, measured.forget.p95, "forget");
  expect_holds(forecast.retain, measured.retain.p95, "retain");
  expect_holds(forecast.validation, measured.validation.p95, "validation");
  EXPECT_TRUE(forecast.warnings.empty());
}

// Half of the true fall is predicted: two times as much is needed, and the mean is 2 nats, which are 2
// standard deviations, too high.
TEST(KlomForecast, FindsAMultiplierAndABias) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  const auto set = world.predicted(models, kMixed, 0.5);
  const auto forecast = forecast_of(models, set);
  EXPECT_NEAR(forecast.parameters.bias, 2, 0.2);
  EXPECT_NEAR(forecast.multiplier.median, 2, 0.1);
  expect_holds(forecast.multiplier, 2, "multiplier");
  expect_holds(forecast.forget, truth(world, set).forget.p95, "forget");
  EXPECT_GT(forecast.forget.low, 2);
  EXPECT_LT(forecast.retain.high, 1.2);
}

// 25 examples of class 0 go, and each takes 0.05 nats from every other of its class: 1.2 nats that a
// prediction of own effects alone misses.
TEST(KlomForecast, FindsWhatExamplesOfOneClassDoToEachOther) {
  SimulatedUnlearning world;
  world.coupling = 0.05;
  std::vector<int64_t> forget;
  for (int64_t j = 0; j < 50; j += 2) forget.push_back(j);
  const auto models = world.ensembles();
  auto alone = world;
  alone.coupling = 0;
  const auto set = alone.predicted(models, forget, 1);
  const auto forecast = forecast_of(models, set);
  EXPECT_NEAR(forecast.parameters.bias, 1.2, 0.3);
  expect_holds(forecast.forget, truth(world, set).forget.p95, "forget");
  // Validation points of class 0 lose 1.25 nats, those of class 1 nothing.
  EXPECT_NEAR(forecast.parameters.validation[0], -1.25, 0.3);
  EXPECT_NEAR(forecast.parameters.validation[1], 0, 0.3);
}

// The prediction is 3 nats, which are 3 standard deviations, too high on every other example of F and as much too
// low on the rest: neither their mean nor their classes tell.
struct MutualWorld {
  SimulatedUnlearning world;
  ForecastModels models = world.ensembles();
  ForecastCase truth = world.predicted(models, kMixed, 1);
  ForecastCase wrong = truth;
  torch::Tensor mutual = torch::empty({static_cast<int64_t>(kMixed.size())}, torch::kFloat32);

  MutualWorld() {
    wrong.predicted = truth.predicted.clone();
    for (size_t k = 0; k < kMixed.size(); ++k) {
      const float missing = k % 2 == 0 ? -3.0F : 3.0F;
      mutual[static_cast<int64_t>(k)] = missing;
      wrong.predicted.select(1, kMixed[k]) -= missing;
    }
  }
};

TEST(KlomForecast, CountsWhatExamplesDoToEachOtherAndWarns) {
  MutualWorld f;
  const double measured = truth(f.world, f.wrong).forget.p95;
  EXPECT_LT(forecast_of(f.models, f.wrong).forget.high, measured);  // what there is without it
  f.wrong.mutual = f.mutual;
  const auto forecast = forecast_of(f.models, f.wrong);
  expect_holds(forecast.forget, measured, "forget");
  EXPECT_NEAR(forecast.mutual, 3, 0.3);
  ASSERT_EQ(forecast.warnings.size(), 1U);
  EXPECT_NE(forecast.warnings[0].find("its examples act on each other"), std::string::npos);
  // Elsewhere nothing changes.
  EXPECT_NEAR(forecast.retain.median, forecast_of(f.models, f.truth).retain.median, 0.1);
}

TEST(KlomForecast, OfAPredictionThatHoldsMutualEffectsOnlyTheirErrorIsLeft) {
  MutualWorld f;
  f.truth.mutual = f.mutual;
  f.truth.mutual_predicted = true;
  const auto forecast = forecast_of(f.models, f.truth);
  expect_holds(forecast.forget, truth(f.world, f.truth).forget.p95, "forget");
  f.wrong.mutual = f.mutual;
  EXPECT_LT(forecast.forget.median, forecast_of(f.models, f.wrong).forget.low);
}

// Matched to the truth from a wrong prediction, by what is known: sign and size must be right to cancel.
TEST(KlomForecast, JudgesUnlearnedModelsByWhereTheyAreNotWhereTheyWereSent) {
  MutualWorld f;
  f.wrong.mutual = f.mutual;
  const auto before = forecast_of(f.models, f.wrong);
  f.wrong.unlearned = f.truth.predicted;
  const auto judged = forecast_of(f.models, f.wrong);
  EXPECT_LT(judged.forget.median, before.forget.low);
  expect_holds(judged.forget, truth(f.world, f.truth).forget.p95, "forget");

  // Validation points moved by 2 standard deviations, which retraining does not do.
  auto moved = f.truth;
  moved.unlearned = f.truth.predicted.clone();
  moved.unlearned.narrow(1, f.world.n, f.world.n) += 2;
  const auto far = forecast_of(f.models, moved);
  auto as_predicted = moved;
  as_predicted.predicted = moved.unlearned;
  const double measured = truth(f.world, as_predicted).validation.p95;
  EXPECT_NEAR(far.validation.median, measured, 0.15 * measured);
}

// Requests one after the other: what is forecast when the first half of F has been removed from the arrays is what is
// forecast of F's second half beside it.
TEST(KlomForecast, CountsWhatWasRemovedBefore) {
  SimulatedUnlearning world;
  world.coupling = 0.05;
  const auto models = world.ensembles();
  std::vector<int64_t> before, now;
  for (int64_t k = 0; k < 40; ++k) (k < 30 ? before : now).push_back(2 * k);  // all of class 0
  auto all = before;
  all.insert(all.end(), now.begin(), now.end());
  const auto whole = forecast_of(models, world.predicted(models, all, 1));

  std::vector<int64_t> live;
  for (int64_t j = 0; j < world.m(); ++j) {
    if (std::find(before.begin(), before.end(), j) == before.end()) live.push_back(j);
  }
  const auto points = torch::tensor(live);
  const auto rows = points.narrow(0, 0, world.n - std::ssize(before));
  const auto of_live = [&](const torch::Tensor& array) {
    return array.index_select(1, points).contiguous();
  };
  ForecastModels left;
  left.masks = models.masks.index_select(1, rows).contiguous();
  left.margins = of_live(models.margins);
  left.held_out = of_live(models.held_out);
  left.full_margins = of_live(models.full_margins);
  left.labels = models.labels.index_select(0, points).contiguous();
  const auto first = forecast_of(models, world.predicted(models, before, 1));
  ForecastCase rest{{}, of_live(world.predicted(models, all, 1).predicted)};
  for (const int64_t j : now)
    rest.forget.push_back(std::find(live.begin(), live.end(), j) - live.begin());
  rest.before = {std::ssize(before), first.parameters.validation_coupling,
                 first.parameters.retain_coupling};
  const auto second = forecast_of(left, rest);
  EXPECT_NEAR(second.parameters.mixed_share, whole.parameters.mixed_share,
              0.01 * whole.parameters.mixed_share);
  for (size_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(second.parameters.validation_coupling[c], whole.parameters.validation_coupling[c],
                0.15)
        << c;
    EXPECT_NEAR(second.parameters.retain_coupling[c], whole.parameters.retain_coupling[c], 0.15)
        << c;
  }
  EXPECT_GT(std::abs(whole.parameters.validation_coupling[0]), 0.5);  // else nothing was tested
  EXPECT_NEAR(second.parameters.coupling, whole.parameters.coupling, 0.25);
  EXPECT_NEAR(second.validation.median, whole.validation.median, 0.3);
  rest.before.retain_coupling = {1, 2, 3};
  EXPECT_NE(
      message_of<InputError>([&] { forecast_of(left, rest); }).find("2 classes required, got 3"),
      std::string::npos);
}

TEST(KlomForecast, TellsTheErrorOfMeanMargins) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  const auto right = forecast_of(models, world.predicted(models, kMixed, 1));
  const auto half = forecast_of(models, world.predicted(models, kMixed, 0.5));
  EXPECT_LT(right.forget_error.high, 0.6);
  expect_holds(half.forget_error, 2, "half of a fall of 4 nats, in deviations of 1");
  EXPECT_LT(half.retain_error.median, 0.2);
}

TEST(KlomForecast, MeasuresTheErrorOfOwnEffectsWhateverTheNoise) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles(/*error=*/0.8);
  // Folds are predicted by four fifths of the models. All examples have the same error; the fewer are asked for,
  // the noisier is what they themselves say.
  const auto few = forecast_of(models, world.predicted(models, kMixed, 1)).parameters;
  EXPECT_NEAR(few.own_error_of_size, 0.8 * 0.64, 0.1);
  EXPECT_NEAR(few.own_error, 0.8 * 0.64, 0.25);
  std::vector<int64_t> half;
  for (int64_t j = 0; j < world.n / 2; ++j) half.push_back(j);
  EXPECT_NEAR(forecast_of(models, world.predicted(models, half, 1)).parameters.own_error,
              0.8 * 0.64, 0.05);
}

// A tenth of the examples is predicted wrongly, the others rightly: the forecast tells which set is of which.
TEST(KlomForecast, TellsASetThatIsPredictedWorseThanOthersLikeIt) {
  const SimulatedUnlearning world;
  auto models = world.ensembles();
  std::vector<int64_t> wrong, right;
  for (int64_t j = 0; j < 20; ++j) {
    wrong.push_back(j);
    right.push_back(j + 100);
    models.held_out.select(1, j) += j / 2 % 2 == 0 ? 1 : -1;
  }
  const auto of_wrong = forecast_of(models, world.predicted(models, wrong, 1));
  const auto of_right = forecast_of(models, world.predicted(models, right, 1));
  EXPECT_GT(of_wrong.forget_error.median, of_right.forget_error.median + 0.3);
  EXPECT_LT(of_right.forget_error.median, 0.3);
}

TEST(KlomForecast, DoesNotDependOnUnitsOfMarginsOnOtherSetsOrOnWorkers) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  const auto set = world.predicted(models, kMixed, 0.8);
  const auto base = forecast_of(models, set);

  auto doubled = models;
  doubled.margins = models.margins * 2;
  doubled.full_margins = models.full_margins * 2;
  doubled.held_out = models.held_out * 2;
  const auto scaled = forecast_of(doubled, {set.forget, set.predicted * 2}, 2);
  EXPECT_NEAR(scaled.forget.median, base.forget.median, 1e-6);
  EXPECT_NEAR(scaled.multiplier.high, base.multiplier.high, 1e-6);

  const std::vector<ForecastCase> two = {world.predicted(models, {1, 2, 3}, 1), set};
  ForecastOptions options;
  options.resamples = 60;
  const auto both = forecast_klom(models, two, options);
  EXPECT_EQ(both[1].forget.high, base.forget.high);
  EXPECT_EQ(both[1].validation.low, base.validation.low);
}

TEST(KlomForecast, WarnsWhereMoreOfAClassGoesThanAnyModelWentWithout) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  std::vector<int64_t> forget;
  for (int64_t j = 0; j < 100; j += 2) forget.push_back(j);
  const auto warnings = forecast_of(models, world.predicted(models, forget, 1)).warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("50 of the 100 examples of class 0 go"), std::string::npos)
      << warnings[0];
}

TEST(KlomForecast, RefusesWhatItCannotJudge) {
  const SimulatedUnlearning world;
  const auto models = world.ensembles();
  const auto set = world.predicted(models, kMixed, 1);
  const auto refusal = [](const ForecastModels& given, const ForecastCase& of) {
    return message_of<InputError>([&] { forecast_of(given, of); });
  };
  const auto expect = [](const std::string& message, const char* text) {
    EXPECT_NE(message.find(text), std::string::npos) << message;
  };
  auto changed = models;
  changed.masks = models.masks.clone();
  changed.masks.select(1, 41).fill_(true);
  expect(refusal(changed, set), "left example 41 out required, got 0");

  changed = models;
  changed.full_margins = models.full_margins.slice(0, 0, 10).contiguous();
  expect(refusal(changed, set),
         "at least 20 subset models and full models required, got 100 and 10");

  changed = models;
  changed.margins = models.margins.clone();
  changed.margins[4][9] = kNan;
  expect(refusal(changed, set),
         "subset models' margins required, got NaN or infinity at model 4, point 9");

  expect(refusal(models, {{3, 3}, set.predicted}), "got 3 twice");
  expect(refusal(models, {{}, set.predicted}), "got 0");
  expect(refusal(models, {{200}, set.predicted}), "got 200");
  expect(refusal(models, {{1}, set.predicted.slice(0, 0, 5).contiguous()}),
         "predicted margins (100, 400)");
  expect(refusal(models, {{1, 2}, set.predicted, torch::zeros({1})}), "mutual effects (2)");
  expect(refusal(models, {{1}, set.predicted, {}, false, torch::zeros({100, 3})}),
         "unlearned margins (100, 400)");
  auto infinite = set;
  infinite.mutual = torch::full({static_cast<int64_t>(kMixed.size())}, kNan);
  EXPECT_THROW(forecast_of(models, infinite), NonFiniteError);
  ForecastOptions options;
  options.resamples = 3;
  EXPECT_THROW(forecast_klom(models, {&set, 1}, options), OptionError);
}

}  // namespace
}  // namespace expunge
