// What is told before a run is what the run takes.
#include "expunge/pipeline/run_plan.h"

#include <gtest/gtest.h>

#include "pipeline/tiny_experiment.h"

namespace expunge {
namespace {

int64_t bytes_in(const std::filesystem::path& folder) {
  int64_t sum = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) sum += static_cast<int64_t>(entry.file_size());
  }
  return sum;
}

using RunPlans = TinyExperiment;

TEST_F(RunPlans, NameTheStoresThatTheRunMakesWithTheirModelsAndSizes) {
  const auto tiny = experiment();
  const auto plan = plan_run(tiny.config(), true, 1);
  tiny.train();
  tiny.attribute();
  tiny.unlearn();
  ASSERT_EQ(plan.stores.size(), 8U);
  int64_t models = 0;
  for (const auto& planned : plan.stores) {
    const auto store = tiny.open_store(planned.name, "run");
    EXPECT_EQ(store.description().models, planned.models) << planned.name;
    models += planned.models;
    // Headers and metadata of small files are not counted.
    const auto there = bytes_in(store.folder());
    EXPECT_GE(there, planned.bytes) << planned.name;
    EXPECT_LE(there, planned.bytes + 8000 + planned.models * 4000) << planned.name;
  }
  EXPECT_EQ(plan.models(), models);
  EXPECT_EQ(plan.training_examples, n);
  EXPECT_EQ(plan.points, m);
}

TEST_F(RunPlans, CountTrainingAndLogitsInSampleGradients) {
  const auto tiny = experiment();
  const auto plan = plan_run(tiny.config(), false, 1);
  ASSERT_EQ(plan.stores.size(), 4U);
  EXPECT_EQ(plan.stores[1].name, "full");
  EXPECT_NEAR(plan.stores[1].sample_gradients, 8 * (tiny.training_cost() + m / 3.0), 1e-6);
  EXPECT_GT(plan.sample_gradients_a_second, 0);
  EXPECT_GT(plan.training_memory, 1 << 20);
  EXPECT_NEAR(plan.seconds() * plan.sample_gradients_a_second, plan.sample_gradients(),
              1e-6 * plan.sample_gradients());
}

TEST_F(RunPlans, LeaveNothingBehind) {
  const auto config = experiment().config();
  std::filesystem::remove_all(folder_ / "out");
  (void)plan_run(config, true, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

}  // namespace
}  // namespace expunge
