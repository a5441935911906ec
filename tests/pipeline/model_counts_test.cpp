// Estimators fitted on parts of an ensemble: which rows, what is measured, what is kept.
#include "expunge/pipeline/model_counts.h"

#include <gtest/gtest.h>

#include "expunge/attribution/carried_effects.h"
#include "expunge/core/error.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/network_kernel.h"
#include "message_of.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

RidgeOptions counted_ridge(EffectPrior prior) {
  RidgeOptions options;
  options.prior = prior;
  options.lambda = 2;
  return options;
}

class ModelCounts : public TinyExperiment {
 protected:
  ModelCounts() : tiny_(experiment()) { tiny_.train(); }
  ModelCountConfig config(const std::string& text) {
    put_file(folder_ / "count.toml", text);
    return read_model_count_config(folder_ / "count.toml");
  }
  std::string refusal(const std::string& text) {
    return message_of<OptionError>([&] { config(text); });
  }
  [[nodiscard]] std::map<std::string, std::filesystem::file_time_type> files() const {
    std::map<std::string, std::filesystem::file_time_type> times;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ / "out" / "model-count"))
      times[entry.path().filename().string()] = entry.last_write_time();
    return times;
  }
  Experiment tiny_;
};

TEST_F(ModelCounts, EachPartIsFittedOnItsOwnRowsAlone) {
  const auto counts = config(
      "models = [4, 5]\nparts = 2\n[[estimator]]\nname = \"plain\"\nprior = \"none\"\nlambda = "
      "2\n");
  run_model_counts(tiny_, counts);
  const auto results = model_count_results(tiny_, counts);
  ASSERT_EQ(results.size(), 8U);  // two sets, two numbers, two parts
  const auto masks = read("subset/masks.npy");
  const auto logits = read("subset/logits.npy");
  size_t at = 0;
  for (const auto& set : tiny_.forget_sets()) {
    const auto oracles =
        margins(read("oracle-" + set.config.name + "/logits.npy").narrow(0, 0, judges),
                tiny_.problem().labels);
    for (const int64_t models : {4, 5}) {
      for (const int64_t part : {0, 1}) {
        const auto& result = results[at++];
        EXPECT_EQ(result.forget_set, set.config.name);
        EXPECT_EQ(result.models, models);
        EXPECT_EQ(result.part, part);
        const auto fitted = SubsetDatamodels::fit(masks.narrow(0, models * part, models).clone(),
                                                  logits.narrow(0, models * part, models).clone(),
                                                  counted_ridge(EffectPrior::none));
        const auto shift = fitted.removal_shifts(std::vector<std::vector<int64_t>>{set.indices})[0];
        const auto klom =
            summarise_klom(shifted_margins(read("full/logits.npy"), shift, tiny_.problem().labels),
                           oracles, n, set.indices, {}, {.resamples = 0});
        EXPECT_DOUBLE_EQ(result.forget, klom.forget.p95);
        EXPECT_DOUBLE_EQ(result.retain, klom.retain.p95);
        EXPECT_DOUBLE_EQ(result.validation, klom.validation.p95);
      }
    }
  }
}

TEST_F(ModelCounts, WhatIsMeasuredIsNotMeasuredAgainUnlessAnOptionChanges) {
  const std::string text = "models = [5]\n[[estimator]]\nname = \"a\"\nprior = \"none\"\nlambda = ";
  run_model_counts(tiny_, config(text + "2\n"));
  const auto first = files();
  EXPECT_EQ(first.size(), 2U);
  run_model_counts(tiny_, config(text + "2\n"));
  EXPECT_EQ(files(), first);
  EXPECT_THROW(model_count_results(tiny_, config(text + "3\n")), InputError);
  run_model_counts(tiny_, config(text + "3\n"));
  EXPECT_EQ(files().size(), 4U);
  // Damaged files are named, not used.
  put_file(folder_ / "out" / "model-count" / first.begin()->first, "[{\"forget_set\": \"pair\"}]");
  EXPECT_NE(message_of<InputError>([&] {
              model_count_results(tiny_, config(text + "2\n"));
            }).find(first.begin()->first),
            std::string::npos);
}

TEST_F(ModelCounts, OtherEnsemblesAreTrainedAsThoseOfASweep) {
  const auto counts = config(
      "models = [4]\nparts = 1\n[[ensemble]]\nname = \"halves\"\nsubset_models = 6\nalpha = 0.5\n"
      "[[estimator]]\nname = \"a\"\nensemble = \"halves\"\nprior = \"none\"\nlambda = 2\n"
      "[[estimator]]\nname = \"b\"\nprior = \"none\"\nlambda = 2\n");
  run_model_counts(tiny_, counts);
  const auto masks = read("subset@halves/masks.npy");
  EXPECT_EQ(masks.size(0), 6);
  EXPECT_EQ(masks.sum().item<int64_t>(), 6 * n / 2);
  const auto results = model_count_results(tiny_, counts);
  ASSERT_EQ(results.size(), 4U);
  EXPECT_NE(results[0].retain, results[1].retain);  // two ensembles, two answers
}

TEST_F(ModelCounts, EffectsAreCarriedOverByTheFullModelsKernel) {
  const auto counts = config(
      "models = [10]\n[[estimator]]\nname = \"plain\"\nestimator = \"ridge\"\nprior = \"own\"\n"
      "lambda = 2\n[[estimator]]\nname = \"carried\"\nestimator = \"carried\"\nprior = \"own\"\n"
      "lambda = 2\n");
  run_model_counts(tiny_, counts);
  const auto kernel = read("kernel.npy");
  EXPECT_EQ(kernel.sizes(), at::IntArrayRef({m, n}));
  const auto results = model_count_results(tiny_, counts);
  const auto& set = tiny_.forget_sets()[0];
  const auto fitted = SubsetDatamodels::fit(read("subset/masks.npy"), read("subset/logits.npy"),
                                            counted_ridge(EffectPrior::own));
  const auto shift = fitted.removal_shifts(std::vector<std::vector<int64_t>>{set.indices})[0] +
                     CarriedEffects::fit(kernel).shift(set.indices, fitted.own_effects());
  const auto klom =
      summarise_klom(shifted_margins(read("full/logits.npy"), shift, tiny_.problem().labels),
                     margins(read("oracle-" + set.config.name + "/logits.npy").narrow(0, 0, judges),
                             tiny_.problem().labels),
                     n, set.indices, {}, {.resamples = 0});
  EXPECT_DOUBLE_EQ(results[1].forget, klom.forget.p95);
  EXPECT_DOUBLE_EQ(results[1].validation, klom.validation.p95);
  EXPECT_NE(results[1].validation, results[0].validation);
  // The kernel is read again, and refused where it is another one's.
  put_file(folder_ / "out" / "kernel.npy", "");
  EXPECT_THROW(network_kernel(tiny_), InputError);
}

TEST_F(ModelCounts, FaultsOfTheFileAreNamed) {
  const std::string estimator = "[[estimator]]\nname = \"a\"\n";
  EXPECT_NE(refusal("models = [5]\n").find("at least one [[estimator]] required"),
            std::string::npos);
  EXPECT_NE(
      refusal("models = [5, 5]\n" + estimator).find("ascending numbers required, got 5 after 5"),
      std::string::npos);
  EXPECT_NE(refusal("models = [1]\n" + estimator).find("at least 2 required, got 1"),
            std::string::npos);
  EXPECT_NE(refusal(estimator + estimator).find("two [[estimator]] are named \"a\""),
            std::string::npos);
  EXPECT_NE(refusal(estimator + "ensemble = \"x\"\n").find("[[ensemble]] named \"x\" required"),
            std::string::npos);
  EXPECT_NE(refusal(estimator + "parts = 0\n").find("parts"), std::string::npos);
  EXPECT_NE(refusal("[[estimator]]\nparts = 1\n").find("a name required"), std::string::npos);
  EXPECT_NE(refusal("[[estimators]]\n").find("did you mean [estimator]?"), std::string::npos);
  EXPECT_NE(refusal("[[ensemble]]\nname = \"a b\"\n" + estimator).find("count.toml:1"),
            std::string::npos);
  const auto more = config("models = [11]\n" + estimator);
  EXPECT_NE(message_of<OptionError>([&] {
              run_model_counts(tiny_, more);
            }).find("at least 11 models of ensemble \"\" required, got 10"),
            std::string::npos);
}

}  // namespace
}  // namespace expunge
