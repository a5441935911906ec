// Attributors fitted to an experiment, and their LDS, against what its stores say.
#include "expunge/pipeline/attributors.h"

#include <gtest/gtest.h>

#include <fstream>

#include "expunge/attribution/multiplier.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/experiment_lds.h"
#include "message_of.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

using FittedAttributors = TinyExperiment;

AttributionOptions by(Estimator estimator) {
  AttributionOptions options;
  options.estimator = estimator;
  options.ridge.lambda_ratio = 1;
  options.trak.dimensions = 64;
  options.trak.models = 3;
  options.ekfac.models = 3;
  return options;
}

TEST_F(FittedAttributors, OfGradientsHaveTheMultiplierOfTheSubsetModels) {
  const auto tiny = experiment();
  tiny.train();
  const auto subset = tiny.open_store("subset", "train");
  for (const auto estimator : {Estimator::trak, Estimator::ekfac}) {
    const auto fitted = fit_attributor(tiny, subset, by(estimator));
    const double multiplier = fitted.record.at("multiplier").get<double>();
    EXPECT_NE(multiplier, 1);
    EXPECT_GT(fitted.record.at("multiplier_standard_error").get<double>(), 0);
    EXPECT_EQ(fitted.record.at("multiplier_models"), 10);
    // Once scaled, the best factor is 1.
    EXPECT_NEAR(fit_multiplier(*fitted.attributor, subset.masks(), subset.logits()).value, 1, 1e-4);
  }
}

TEST_F(FittedAttributors, WriteTheShiftsThatTheyPredict) {
  const auto tiny = experiment();
  tiny.train();
  const auto subset = tiny.open_store("subset", "train");
  for (const auto estimator :
       {Estimator::ridge, Estimator::lasso, Estimator::trak, Estimator::ekfac}) {
    predict_shifts(tiny, subset, by(estimator), "other");
    EXPECT_TRUE(is_predicted(tiny, by(estimator), "other"));
    const auto shift = read_shift(tiny, tiny.forget_sets()[1], "other");
    const std::vector<std::vector<int64_t>> removals = {tiny.forget_sets()[0].indices,
                                                        tiny.forget_sets()[1].indices};
    const auto fitted = fit_attributor(tiny, subset, by(estimator));
    EXPECT_TRUE(torch::equal(shift, fitted.attributor->removal_shifts(removals)[1]));
  }
}

TEST_F(FittedAttributors, NeedTheFullModels) {
  const auto tiny = experiment();
  tiny.train();
  const auto subset = tiny.open_store("subset", "train");
  std::filesystem::remove_all(folder_ / "out" / "full");
  EXPECT_THROW((void)fit_attributor(tiny, subset, by(Estimator::trak)), InputError);
}

using ExperimentsLds = TinyExperiment;

TEST_F(ExperimentsLds, IsThatOfTheHeldOutModels) {
  const auto tiny = experiment();
  DatamodelsConfig trak{
      .name = "trak", .subset_models = 0, .masks = {}, .attribution = by(Estimator::trak)};
  const auto result = experiment_lds(tiny, {trak}, 10, {.resamples = 0});
  EXPECT_EQ(result.models, 10);
  ASSERT_EQ(result.attributors.size(), 2U);
  EXPECT_EQ(result.attributors[0].name, "");
  EXPECT_EQ(result.attributors[1].name, "trak");

  const auto held_out = tiny.open_store("held-out", "lds");
  const auto again = tiny.open_store("held-out-again", "lds");
  EXPECT_TRUE(torch::equal(held_out.masks(), again.masks()));
  EXPECT_FALSE(torch::equal(held_out.logits(), again.logits()));
  EXPECT_FALSE(torch::equal(held_out.masks(), tiny.open_store("subset", "train").masks()));

  // The second attributor's score, model by model.
  const auto fitted = fit_attributor(tiny, tiny.open_store("subset", "train"), trak.attribution);
  const auto base = tiny.open_store("full", "train").logits().mean(0);
  std::vector<torch::Tensor> predicted;
  for (int64_t i = 0; i < 10; ++i) {
    std::vector<int64_t> out;
    for (int64_t j = 0; j < n; ++j) {
      if (!held_out.masks()[i][j].item<bool>()) out.push_back(j);
    }
    const auto shift = fitted.attributor->removal_shifts(std::vector<std::vector<int64_t>>{out})[0];
    predicted.push_back(margins(base + shift, tiny.problem().labels));
  }
  const auto outputs = margins(held_out.logits(), tiny.problem().labels);
  const auto expected = lds(torch::stack(predicted).narrow(1, n, m - n).contiguous(),
                            outputs.narrow(1, n, m - n).contiguous(), {.resamples = 0});
  EXPECT_NEAR(result.attributors[1].validation.spearman.mean, expected.spearman.mean, 0.02);
  EXPECT_NEAR(result.attributors[1].validation.pearson.mean, expected.pearson.mean, 1e-3);
}

TEST_F(ExperimentsLds, IsWrittenAsATable) {
  const auto tiny = experiment();
  const auto result = experiment_lds(tiny, {}, 8, {.resamples = 20});
  const auto csv = read_file(folder_ / "out" / "lds.csv");
  EXPECT_EQ(csv, lds_csv(result));
  EXPECT_EQ(
      csv.substr(0, csv.find('\n')),
      "attributor,points,spearman,spearman_low,spearman_high,pearson,pearson_low,pearson_high");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 5);
  EXPECT_NE(lds_table(result).text().find("ceiling"), std::string::npos);
  EXPECT_EQ(message_of<OptionError>([&] { (void)experiment_lds(tiny, {}, 7, {}); }),
            "option held_out_models: at least 8 required, got 7");
}

}  // namespace
}  // namespace expunge
