// Masks: how often each example is left out, and what a mask depends on.
#include "expunge/data/masks.h"

#include <gtest/gtest.h>

#include <set>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

struct Case {
  double alpha;
  int64_t parts;  // K
};
const std::vector<Case> cases = {{0.5, 2},  {1 - 1.0 / 3, 3}, {0.75, 4}, {0.8, 5},
                                 {0.9, 10}, {1 - 1.0 / 7, 7}, {0.95, 20}};

MaskOptions balanced(double alpha) {
  return {.alpha = alpha, .scheme = "balanced"};
}
MaskOptions independent(double alpha) {
  return {.alpha = alpha, .scheme = "independent"};
}

int64_t left_out(const torch::Tensor& mask) {
  return mask.numel() - mask.sum().item<int64_t>();
}

// Of every K models, and not only of the first.
TEST(BalancedMasks, EveryBlockLeavesEachExampleOutExactlyOnce) {
  for (const auto& [alpha, parts] : cases) {
    for (const int64_t n : {20, 21, 59, 100}) {
      for (const int64_t block : {0, 1, 7}) {
        auto times = torch::zeros({n}, torch::kInt64);
        for (int64_t k = 0; k < parts; ++k)
          times += torch::logical_not(subset_mask(balanced(alpha), n, 3, block * parts + k));
        EXPECT_TRUE(times.eq(1).all().item<bool>()) << alpha << " " << n << " " << block;
      }
    }
  }
}

TEST(BalancedMasks, PartsAreEqualUpToOne) {
  for (const auto& [alpha, parts] : cases) {
    for (const int64_t n : {20, 21, 59, 100}) {
      for (int64_t row = 0; row < parts; ++row) {
        const auto out = left_out(subset_mask(balanced(alpha), n, 3, row));
        EXPECT_GE(out, n / parts);
        EXPECT_LE(out, (n + parts - 1) / parts);
      }
    }
  }
}

TEST(BalancedMasks, BlocksHavePartitionsOfTheirOwn) {
  std::set<std::string> seen;
  for (int64_t row = 0; row < 50; ++row) {
    const auto mask = subset_mask(balanced(0.8), 40, 3, row);
    EXPECT_TRUE(seen.emplace(static_cast<const char*>(mask.data_ptr()), 40).second) << row;
  }
}

// Two examples share a part of 4 of 20 with probability 3 / 19.
TEST(BalancedMasks, PartitionsAreUniform) {
  const int64_t n = 20;
  auto together = torch::zeros({n, n});
  constexpr int64_t blocks = 2000;
  for (int64_t row = 0; row < 5 * blocks; ++row) {
    const auto out = torch::logical_not(subset_mask(balanced(0.8), n, 11, row)).to(torch::kFloat32);
    together += out.outer(out);
  }
  const auto share = together / static_cast<double>(blocks);
  const double expected = 3.0 / 19;
  const double deviation = std::sqrt(expected * (1 - expected) / blocks);
  for (int64_t i = 0; i < n; ++i) {
    EXPECT_EQ(share[i][i].item<float>(), 1.0F);
    for (int64_t j = 0; j < i; ++j)
      EXPECT_NEAR(share[i][j].item<float>(), expected, 5 * deviation) << i << " " << j;
  }
}

TEST(BalancedMasks, AlphaMustLeaveOutAWholePart) {
  for (const double alpha : {0.6, 0.81, 0.7999, 0.3, 0.667}) {
    EXPECT_EQ(message_of<OptionError>([&] { subset_mask(balanced(alpha), 100, 0, 0); }),
              fmt::format("option alpha: 1 - 1/K for a whole K (0.5, 0.75, 0.8, 0.9, ...) required "
                          "with balanced masks, got {}; independent masks take any",
                          alpha));
    EXPECT_NO_THROW(subset_mask(independent(alpha), 100, 0, 0));
  }
  // So near to 0 that K would be 1: every model would leave out everything.
  EXPECT_SAYS(message_of<OptionError>([&] { balanced(1e-12).validate(); }),
              "option alpha: 1 - 1/K for a whole K");
}

TEST(BalancedMasks, EveryPartNeedsAnExample) {
  EXPECT_EQ(message_of<InputError>([&] { subset_mask(balanced(0.8), 4, 0, 0); }),
            "masks: at least 5 training examples required for alpha 0.8, got 4");
  EXPECT_EQ(left_out(subset_mask(balanced(0.8), 5, 0, 0)), 1);
}

TEST(IndependentMasks, KeepExactlyTheirShare) {
  for (const double alpha : {0.1, 0.35, 0.5, 0.8, 0.99}) {
    for (const int64_t n : {7, 20, 101}) {
      for (int64_t row = 0; row < 5; ++row) {
        const auto kept = n - left_out(subset_mask(independent(alpha), n, 3, row));
        EXPECT_EQ(kept,
                  std::clamp<int64_t>(std::llround(alpha * static_cast<double>(n)), 1, n - 1));
      }
    }
  }
}

TEST(IndependentMasks, OneIsInAndOneOutWhateverAlpha) {
  EXPECT_EQ(left_out(subset_mask(independent(0.999), 10, 0, 0)), 1);
  EXPECT_EQ(left_out(subset_mask(independent(0.001), 10, 0, 0)), 9);
}

TEST(IndependentMasks, AreUniform) {
  const int64_t n = 10;
  auto kept = torch::zeros({n});
  constexpr int64_t rows = 4000;
  for (int64_t row = 0; row < rows; ++row) kept += subset_mask(independent(0.3), n, 5, row);
  const double deviation = std::sqrt(0.3 * 0.7 / rows);
  for (int64_t i = 0; i < n; ++i)
    EXPECT_NEAR(kept[i].item<float>() / rows, 0.3, 5 * deviation) << i;
}

class BothSchemes : public testing::TestWithParam<std::string> {};

TEST_P(BothSchemes, AMaskDependsOnSeedAndRowAlone) {
  const MaskOptions options{.alpha = 0.8, .scheme = GetParam()};
  const auto mask = subset_mask(options, 50, 9, 13);
  subset_mask(options, 50, 9, 2);
  EXPECT_TRUE(torch::equal(subset_mask(options, 50, 9, 13), mask));
  EXPECT_FALSE(torch::equal(subset_mask(options, 50, 10, 13), mask));
  EXPECT_FALSE(torch::equal(subset_mask(options, 50, 9, 14), mask));
}

TEST_P(BothSchemes, AlphaIsAShare) {
  for (const double alpha : {0.0, 1.0, -0.5, 1.5, static_cast<double>(NAN)}) {
    EXPECT_EQ(message_of<OptionError>(
                  [&] { subset_mask({.alpha = alpha, .scheme = GetParam()}, 50, 0, 0); }),
              fmt::format("option alpha: a share between 0 and 1 required, got {}", alpha));
  }
}

TEST_P(BothSchemes, OneExampleIsTooFew) {
  EXPECT_EQ(
      message_of<InputError>([&] { subset_mask({.alpha = 0.5, .scheme = GetParam()}, 1, 0, 0); }),
      "masks: at least 2 training examples required, got 1");
}

INSTANTIATE_TEST_SUITE_P(Masks, BothSchemes, testing::Values("balanced", "independent"));

TEST(Masks, OtherSchemesAreRefused) {
  EXPECT_EQ(message_of<OptionError>([&] { subset_mask({.scheme = "blocked"}, 50, 0, 0); }),
            "option masks: balanced or independent required, got \"blocked\"");
}

}  // namespace
}  // namespace expunge
