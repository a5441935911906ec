// Stages shared by several tasks leave what one process leaves, byte for byte.
#include "expunge/distribute/stage.h"

#include <fstream>

#include "expunge/core/error.h"
#include "expunge/pipeline/sweep.h"
#include "message_of.h"
#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

const char* const kStageGrid = R"(name = "few"
[[datamodels]]
name = "half"
subset_models = 9
alpha = 0.5
[[method]]
name = "gradient ascent"
kind = "gradient_ascent"
learning_rate = [1e-4, 1e-3]
[[method]]
name = "DMM"
kind = "matching"
datamodels = "half"
retain_points = 10
)";

// All arrays and models below a folder.
std::map<std::string, std::string> results_in(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const auto kind = entry.path().extension();
    if (kind != ".npy" && kind != ".safetensors") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    files[fs::relative(entry.path(), folder).string()] =
        std::string(std::istreambuf_iterator<char>(file), {});
  }
  return files;
}

class Stages : public TinyExperiment {
 protected:
  SweepConfig grid() {
    put_file(folder_ / "grid.toml", kStageGrid);
    return read_sweep_config(folder_ / "grid.toml");
  }
  // A stage by five tasks in an order of their own, one of them lost, and then as a whole.
  static void share(const Experiment& experiment, const SweepConfig* sweep, Stage stage) {
    for (const int64_t task : {3, 0, 4, 1})
      run_stage(experiment, sweep, stage, {.task = task, .tasks = 5});
    run_stage(experiment, sweep, stage, {});
  }
};

TEST_F(Stages, SharedAreTheSameAsByOneProcess) {
  const auto whole = experiment({}, "whole");
  whole.train();
  whole.attribute();
  whole.unlearn();
  const auto parts = experiment({}, "out");
  share(parts, nullptr, Stage::train);
  run_stage(parts, nullptr, Stage::attribute, {});
  share(parts, nullptr, Stage::unlearn);
  EXPECT_EQ(results_in(folder_ / "out"), results_in(folder_ / "whole"));
}

TEST_F(Stages, OfASweepSharedAreTheSameAsByOneProcess) {
  const auto sweep = grid();
  const auto whole = experiment({}, "whole");
  whole.train();
  whole.attribute();
  run_sweep(whole, sweep);
  const auto parts = experiment({}, "out");
  share(parts, &sweep, Stage::train);
  run_stage(parts, &sweep, Stage::attribute, {});
  share(parts, &sweep, Stage::unlearn);
  EXPECT_EQ(results_in(folder_ / "out"), results_in(folder_ / "whole"));
}

// Counts what each task takes up.
class RowCounter final : public ProgressSink {
 public:
  void update(std::string_view, int64_t, int64_t, int64_t) override {}
  void row(std::string_view task, int64_t row, bool finished) override {
    if (!finished) rows.emplace(task, row);
  }
  std::multimap<std::string, int64_t> rows;
};

TEST_F(Stages, TasksDifferByOneRowAtMostAndTakeEachOnce) {
  const auto sweep = grid();
  for (const auto stage : {Stage::train, Stage::unlearn}) {
    std::multimap<std::string, int64_t> all;
    std::set<size_t> sizes;
    for (int64_t task = 0; task < 7; ++task) {
      RowCounter counter;
      const auto part = experiment({}, "out", 1, &counter);
      run_stage(part, &sweep, stage, {.task = task, .tasks = 7});
      sizes.insert(counter.rows.size());
      all.merge(counter.rows);
    }
    const auto tiny = experiment();
    EXPECT_EQ(static_cast<int64_t>(all.size()), stage_rows(tiny.config(), &sweep, stage));
    EXPECT_LE(*sizes.rbegin() - *sizes.begin(), 1U);
    run_stage(tiny, &sweep, stage, {});
    if (stage == Stage::train) run_stage(tiny, &sweep, Stage::attribute, {});
  }
}

TEST_F(Stages, ThatAreNotReadyOrNotThereAreRefused) {
  const auto tiny = experiment();
  run_stage(tiny, nullptr, Stage::train, {.task = 0, .tasks = 2});
  EXPECT_NE(message_of<InputError>([&] {
              run_stage(tiny, nullptr, Stage::unlearn, {});
            }).find("a predicted shift required"),
            std::string::npos);
  EXPECT_NE(message_of<InputError>([&] {
              run_stage(tiny, nullptr, Stage::attribute, {});
            }).find("a finished ensemble required, this one is not"),
            std::string::npos);
  EXPECT_EQ(message_of<OptionError>(
                [&] { run_stage(tiny, nullptr, Stage::attribute, {.task = 0, .tasks = 2}); }),
            "stage attribute: one task required, got 2");
  EXPECT_EQ(message_of<OptionError>(
                [&] { run_stage(tiny, nullptr, Stage::train, {.task = 2, .tasks = 2}); }),
            "option task: 1 to 2 required, got 3");
  EXPECT_EQ(message_of<OptionError>([] { (void)stage_named("evaluate"); }),
            "option stage: train, attribute or unlearn required, got \"evaluate\"");
}

}  // namespace
}  // namespace expunge
