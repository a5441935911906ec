// Sweeps on a tiny experiment: what they leave, that they go on, and what their numbers mean.
#include "expunge/pipeline/sweep.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/unlearned_store.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

const char* const kGrid = R"(name = "tiny"
[[datamodels]]
name = "half"
subset_models = 12
alpha = 0.5
masks = "independent"
prior = "none"
lambda_ratio = 3
[[method]]
name = "gradient ascent"
kind = "gradient_ascent"
learning_rate = [1e-3, 0.1]
[[method]]
name = "dm-direct"
kind = "prediction"
[[method]]
name = "dm-direct, half"
kind = "prediction"
datamodels = "half"
[[method]]
name = "DMM"
kind = "matching"
retain_points = 10
trajectory = true
[[method]]
name = "oracle matching"
kind = "matching"
targets = "oracle"
)";

class Sweeps : public TinyExperiment {
 protected:
  SweepConfig grid(const std::string& text = kGrid) {
    put_file(folder_ / "grid.toml", text);
    return read_sweep_config(folder_ / "grid.toml");
  }
  static void prepare(const Experiment& experiment) {
    experiment.train();
    experiment.attribute();
  }
};

std::map<std::string, std::string> bytes_of(const std::filesystem::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().parent_path().filename() == "work") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[std::filesystem::relative(entry.path(), folder).string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

TEST_F(Sweeps, HaveALineForEachCellAndSet) {
  const auto tiny = experiment();
  prepare(tiny);
  const auto sweep = grid();
  run_sweep(tiny, sweep);
  const auto results = sweep_results(tiny, sweep);
  ASSERT_EQ(results.size(), 2U * (2 + 6));
  EXPECT_EQ(results[0].cell.method, "do nothing");
  EXPECT_EQ(results[1].cell.method, "retraining");
  EXPECT_EQ(results[1].cost_share, 1);
  for (const auto& r : results) {
    EXPECT_TRUE(r.diverged.empty());
    EXPECT_GE(r.klom.forget.p95, 0) << r.cell.method;
    EXPECT_GE(r.attack.accuracy, 0);
  }
  // What the predictions rest on: the experiment's own subset models, or the grid's.
  std::map<std::string, int64_t> models;
  for (const auto& r : results) models[r.cell.method] = r.subset_models;
  EXPECT_EQ(models["DMM"], tiny.config().ensembles.subset_models);
  EXPECT_EQ(models["dm-direct"], tiny.config().ensembles.subset_models);
  EXPECT_EQ(models["dm-direct, half"], 12);
  EXPECT_EQ(models["oracle matching"], 0);
  EXPECT_EQ(models["gradient ascent"], 0);
  // Ascent over F, 5 epochs, of a training of 60 examples over 2 epochs.
  EXPECT_EQ(results[2].cell.method, "gradient ascent");
  EXPECT_DOUBLE_EQ(results[2].sample_gradients, 5 * 4);
  EXPECT_DOUBLE_EQ(results[2].cost_share, 20.0 / 120);
  EXPECT_GT(results[2].seconds, 0);
  // More ascent, more loss on what is to be forgotten.
  EXPECT_GT(results[3].losses.forget, results[2].losses.forget);
  EXPECT_GT(results[2].losses.forget, results[0].losses.forget);
}

TEST_F(Sweeps, OtherDatamodelsPredictWhatTheirOwnStoreSays) {
  const auto tiny = experiment();
  prepare(tiny);
  const auto sweep = grid();
  run_sweep(tiny, sweep);
  const auto subset = EnsembleStore::open(tiny.folder() / "subset@half");
  ASSERT_EQ(subset.masks().size(0), 12);
  EXPECT_EQ(subset.masks().sum().item<int64_t>(), 12 * 30);
  RidgeOptions ridge = sweep.datamodels[0].attribution.ridge;
  const std::vector<std::vector<int64_t>> removals = {tiny.forget_sets()[0].indices};
  const auto expected =
      SubsetDatamodels::fit(subset.masks(), subset.logits(), ridge).removal_shifts(removals);
  EXPECT_TRUE(torch::equal(read_shift(tiny, tiny.forget_sets()[0], "half"), expected[0]));
  EXPECT_FALSE(torch::equal(read_shift(tiny, tiny.forget_sets()[0], ""), expected[0]));
}

TEST_F(Sweeps, GoOnAfterAnInterruptionToTheSameBytes) {
  const auto whole = experiment({}, "whole", 2);
  prepare(whole);
  const auto sweep = grid();
  run_sweep(whole, sweep);

  struct StopInTheAscent : ProgressSink {
    int left = 3;
    void update(std::string_view name, int64_t, int64_t, int64_t) override {
      if (name.find("gradient-ascent") != std::string_view::npos && --left == 0)
        request_interrupt();
    }
  } stop;
  const auto broken = experiment({}, "broken", 1, &stop);
  prepare(broken);
  EXPECT_THROW(run_sweep(broken, sweep), Interrupted);
  clear_interrupt();
  const auto resumed = experiment({}, "broken", 1);
  run_sweep(resumed, sweep);
  EXPECT_EQ(bytes_of(folder_ / "whole" / "sweep"), bytes_of(folder_ / "broken" / "sweep"));
  // Times apart, the tables agree too.
  auto a = sweep_results(whole, sweep);
  auto b = sweep_results(resumed, sweep);
  for (auto* results : {&a, &b}) {
    for (auto& r : *results) r.seconds = 0;
  }
  EXPECT_EQ(sweep_csv(a), sweep_csv(b));
}

TEST_F(Sweeps, AFinishedCellIsNotRunAgain) {
  const auto tiny = experiment();
  prepare(tiny);
  run_sweep(tiny, grid());
  struct Never : ProgressSink {
    void update(std::string_view name, int64_t, int64_t, int64_t) override {
      if (name != "subset@half") ADD_FAILURE() << name << " was run again";
    }
  } never;
  const auto again = experiment({}, "out", 1, &never);
  run_sweep(again, grid());
}

TEST_F(Sweeps, ACellThatDivergesSaysSoAndTheOthersGoOn) {
  const auto tiny = experiment();
  prepare(tiny);
  const auto sweep = grid(
      "[[method]]\nname = \"ascent\"\nkind = \"gradient_ascent\"\nlearning_rate = [1e30, 1e-3]\n"
      "epochs = 20\n");
  run_sweep(tiny, sweep);
  const auto results = sweep_results(tiny, sweep);
  ASSERT_EQ(results.size(), 8U);
  EXPECT_NE(results[2].diverged.find("model"), std::string::npos) << results[2].diverged;
  EXPECT_FALSE(results[2].best_by_oracles || results[2].best_without_oracles);
  EXPECT_TRUE(results[3].diverged.empty());
  EXPECT_TRUE(results[3].best_by_oracles && results[3].best_without_oracles);
  EXPECT_NO_THROW(run_sweep(tiny, sweep));  // it is not tried again
  const auto csv = sweep_csv(results);
  EXPECT_NE(csv.find("learning_rate 1e+30"), std::string::npos);
}

TEST_F(Sweeps, ATrajectoryStartsAtTheFullModelsAndEndsAtTheUnlearnedOnes) {
  const auto tiny = experiment();
  prepare(tiny);
  const auto sweep = grid();
  run_sweep(tiny, sweep);
  const auto& set = tiny.forget_sets()[1];
  const auto& cell = sweep.cells[4];
  ASSERT_EQ(cell.method, "DMM");
  const auto store = open_cell(tiny, set, cell, sweep);
  const auto course = mean_trajectory(store);
  ASSERT_EQ(course.margins.sizes(), at::IntArrayRef({4, m}));  // three kernel steps
  const auto& labels = tiny.problem().labels;
  const auto full = margins(tiny.open_store("full", "train").logits(), labels).mean(0);
  const auto unlearned = margins(store.logits(), labels).mean(0);
  EXPECT_TRUE(torch::allclose(course.margins[0], full, 1e-4, 1e-4));
  EXPECT_TRUE(torch::allclose(course.margins[3], unlearned, 1e-4, 1e-4));
  EXPECT_EQ(course.sample_gradients[0], 0);
  EXPECT_DOUBLE_EQ(course.sample_gradients[3], mean_work(store).sample_gradients);
  EXPECT_THROW(mean_trajectory(open_cell(tiny, set, sweep.cells[5], sweep)), InputError);
}

TEST_F(Sweeps, BestCellsAreThoseOfTheirDefinitions) {
  const auto tiny = experiment();
  prepare(tiny);
  const auto sweep = grid(
      "[[method]]\nname = \"ascent\"\nkind = \"gradient_ascent\"\n"
      "learning_rate = [1e-3, 0.02, 0.1, 0.5]\n");
  run_sweep(tiny, sweep);
  const auto results = sweep_results(tiny, sweep);
  const auto& labels = tiny.problem().labels;
  const auto full = margins(tiny.open_store("full", "train").logits(), labels);
  const auto loss = at::softplus(-full.to(torch::kFloat64)).mean(0);
  for (size_t s = 0; s < 2; ++s) {
    const auto& set = tiny.forget_sets()[s];
    double unseen = 0;
    for (const int64_t i : set.indices) {
      double sum = 0;
      double count = 0;
      for (int64_t j = n; j < m; ++j) {
        if (labels[j].item<int64_t>() != labels[i].item<int64_t>()) continue;
        sum += loss[j].item<double>();
        ++count;
      }
      unseen += sum / count / static_cast<double>(set.indices.size());
    }
    const auto* cells = &results[s * 6];
    size_t least_klom = 2;
    size_t least_rule = 2;
    const auto rule = [&](const CellResult& r) {
      return std::abs(r.losses.forget - unseen) +
             std::abs(r.losses.retain - cells[0].losses.retain) +
             std::abs(r.losses.validation - cells[0].losses.validation);
    };
    for (size_t k = 3; k < 6; ++k) {
      if (cells[k].average() < cells[least_klom].average()) least_klom = k;
      if (rule(cells[k]) < rule(cells[least_rule])) least_rule = k;
    }
    for (size_t k = 2; k < 6; ++k) {
      EXPECT_EQ(cells[k].best_by_oracles, k == least_klom) << k;
      EXPECT_EQ(cells[k].best_without_oracles, k == least_rule) << k;
    }
  }
}

TEST(MeanLosses, AreCrossEntropies) {
  const auto logits = torch::tensor({{{1.0F, 2.0F, 0.5F}, {-1.0F, 0.0F, 3.0F}, {2.0F, 2.0F, 0.0F}},
                                     {{0.0F, 1.0F, 0.5F}, {4.0F, 0.0F, 0.0F}, {1.0F, 0.0F, 0.0F}}});
  const auto labels = torch::tensor({1, 2, 0}, torch::kInt64);
  const auto log_shares = logits.to(torch::kFloat64).log_softmax(2);
  const auto loss = [&](int64_t point) {
    const int64_t y = labels[point].item<int64_t>();
    return -(log_shares[0][point][y] + log_shares[1][point][y]).item<double>() / 2;
  };
  const std::vector<int64_t> forget = {1};
  const auto means = mean_losses(margins(logits, labels), 2, forget);
  EXPECT_NEAR(means.forget, loss(1), 1e-6);
  EXPECT_NEAR(means.retain, loss(0), 1e-6);
  EXPECT_NEAR(means.validation, loss(2), 1e-6);
}

}  // namespace
}  // namespace expunge
