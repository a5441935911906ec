#include "expunge/pipeline/held_out_margins.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "attribution/simulated_ensemble.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

constexpr int64_t kModels = 20, kExamples = 8, kPoints = 11, kClasses = 3;

struct HeldOutCase {
  SimulatedEnsemble subset = simulated_ensemble(kModels, kExamples, kPoints, kClasses);
  torch::Tensor full = simulated_ensemble(6, kExamples, kPoints, kClasses, 0.7, 1, 2).logits;
  torch::Tensor labels = torch::arange(kPoints) % kClasses;
  AttributionOptions options;

  HeldOutCase() { options.ridge.lambda = 3; }
  [[nodiscard]] torch::Tensor run(int64_t workers = 1) const {
    return held_out_margins(subset.masks, subset.logits, full, labels, options, nullptr, 5, workers);
  }
};

TEST(HeldOutMargins, AreThoseOfDatamodelsFittedWithoutTheFold) {
  const HeldOutCase c;
  const auto got = c.run();
  ASSERT_EQ(got.sizes(), at::IntArrayRef({kModels, kPoints}));
  // Model 9 is of the third fold, 8 to 11.
  const auto masks = torch::cat({c.subset.masks.slice(0, 0, 8), c.subset.masks.slice(0, 12)});
  const auto logits = torch::cat({c.subset.logits.slice(0, 0, 8), c.subset.logits.slice(0, 12)});
  std::vector<std::vector<int64_t>> removal(1);
  for (int64_t j = 0; j < kExamples; ++j) {
    if (!c.subset.masks[9][j].item<bool>()) removal[0].push_back(j);
  }
  ASSERT_FALSE(removal[0].empty());
  const auto shift =
      SubsetDatamodels::fit(masks, logits, c.options.ridge).removal_shifts(removal)[0];
  const auto expected = margins(c.full + shift, c.labels).mean(0);
  for (int64_t j = 0; j < kPoints; ++j) {
    const bool saw = j < kExamples && c.subset.masks[9][j].item<bool>();
    const auto value = got[9][j].item<float>();
    EXPECT_EQ(std::isnan(value), saw) << j;
    if (!saw) {
      EXPECT_NEAR(value, expected[j].item<float>(), 1e-4) << j;
    }
  }
  EXPECT_TRUE(torch::allclose(c.run(3), got, 0, 0, /*equal_nan=*/true));
}

TEST(HeldOutMargins, LeaveOutAnExampleThatTheOtherFoldsAllSaw) {
  HeldOutCase c;
  c.subset.masks.select(1, 2).fill_(true);
  c.subset.masks[9][2] = false;
  const auto got = c.run();
  EXPECT_TRUE(std::isnan(got[9][2].item<float>()));
  EXPECT_FALSE(std::isnan(got[9][kExamples].item<float>()));
}

}  // namespace
}  // namespace expunge
