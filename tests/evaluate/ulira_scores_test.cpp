#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "evaluate/gaussian_margins.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"

namespace expunge {
namespace {

/// The log density of a Gaussian, as it is written in books.
double log_density(double x, double mean, double variance) {
  return std::log(1 / std::sqrt(2 * std::numbers::pi * variance) *
                  std::exp(-(x - mean) * (x - mean) / (2 * variance)));
}

TEST(UliraScores, FollowTheDefinitionAndTheSplitThatTheHeaderStates) {
  const torch::Tensor u = gaussian(9, 40, 0.5, 2, 1);
  const torch::Tensor o = gaussian(12, 40, -0.5, 1, 2);
  const std::vector<int64_t> points = {39, 3, 17};
  for (const int64_t seed : {0, 1, 77}) {
    UliraOptions options;
    options.seed = seed;
    const UliraScores got = ulira_scores(u, o, points, options);
    ASSERT_EQ(got.unlearned.sizes(), torch::IntArrayRef({4, 3}));
    ASSERT_EQ(got.oracle.sizes(), torch::IntArrayRef({6, 3}));
    std::vector<int64_t> fitted[2];
    std::vector<int64_t> attacked[2];
    const torch::Tensor* sides[] = {&u, &o};
    for (const int side : {0, 1}) {
      const int64_t models = sides[side]->size(0);
      std::vector<int64_t> order(models);
      std::iota(order.begin(), order.end(), 0);
      if (seed != 0) {
        order = CounterRng(derive_seed(seed, "ulira split", side)).permutation(models);
      }
      for (int64_t k = 0; k < models; ++k) {
        (k % 2 == 0 ? fitted : attacked)[side].push_back(order[k]);
      }
      std::sort(attacked[side].begin(), attacked[side].end());
    }
    for (size_t p = 0; p < points.size(); ++p) {
      double mean[2];
      double variance[2];
      for (const int side : {0, 1}) {
        const auto values = sides[side]
                                ->select(1, points[p])
                                .index_select(0, torch::tensor(fitted[side]))
                                .to(torch::kFloat64);
        mean[side] = values.mean().item<double>();
        variance[side] = values.var(/*unbiased=*/true).item<double>();
      }
      for (const int side : {0, 1}) {
        for (size_t i = 0; i < attacked[side].size(); ++i) {
          const double x = (*sides[side])[attacked[side][i]][points[p]].item<double>();
          const double expected =
              log_density(x, mean[0], variance[0]) - log_density(x, mean[1], variance[1]);
          const torch::Tensor& of_side = side == 0 ? got.unlearned : got.oracle;
          EXPECT_NEAR(of_side[i][p].item<double>(), expected, 1e-9 * (1 + std::abs(expected)))
              << "seed " << seed << ", side " << side << ", model " << i << ", example " << p;
        }
      }
    }
  }
}

TEST(UliraScores, DoNotChangeWithScaleAndOriginOfAnExamplesMargins) {
  const torch::Tensor u = gaussian(20, 30, 1, 2, 3);
  const torch::Tensor o = gaussian(24, 30, 0, 1, 4);
  const UliraScores plain = scores_of(u, o);
  const torch::Tensor scale = torch::linspace(0.25, 4, 30);
  const torch::Tensor origin = torch::linspace(-20, 20, 30);
  const UliraScores moved = scores_of(u * scale + origin, o * scale + origin);
  EXPECT_TRUE(torch::allclose(plain.unlearned, moved.unlearned, 1e-3, 1e-3));
  EXPECT_TRUE(torch::allclose(plain.oracle, moved.oracle, 1e-3, 1e-3));
  // A factor of 2 is exact in float32; so are widths that the variances' floor decides.
  torch::Tensor still = u.clone();
  still.slice(1, 0, 10).fill_(0.75);
  const UliraScores once = scores_of(still, o);
  const UliraScores twice = scores_of(still * 2, o * 2);
  EXPECT_TRUE(torch::allclose(once.unlearned, twice.unlearned, 1e-12, 1e-12));
  EXPECT_TRUE(torch::allclose(once.oracle, twice.oracle, 1e-12, 1e-12));
}

TEST(UliraScores, MirrorWhenTheSidesAreSwapped) {
  const torch::Tensor u = gaussian(21, 30, 1, 2, 5);
  const torch::Tensor o = gaussian(16, 30, 0, 1, 6);
  const UliraScores one = scores_of(u, o);
  const UliraScores other = scores_of(o, u);
  EXPECT_TRUE(torch::equal(one.unlearned, -other.oracle));
  EXPECT_TRUE(torch::equal(one.oracle, -other.unlearned));
  const UliraResult a = summary_of(one);
  const UliraResult b = summary_of(other);
  EXPECT_EQ(a.accuracy, b.accuracy);
  EXPECT_DOUBLE_EQ(a.standard_error, b.standard_error);
  EXPECT_NEAR(a.auc, b.auc, 1e-12);
}

TEST(UliraScores, ClipMarginsToOneHundred) {
  const torch::Tensor u = gaussian(20, 50, 0, 90, 7);
  const torch::Tensor o = gaussian(20, 50, 30, 90, 8);
  const UliraScores plain = scores_of(u, o);
  const UliraScores clipped = scores_of(u.clamp(-100, 100), o.clamp(-100, 100));
  EXPECT_TRUE(torch::equal(plain.unlearned, clipped.unlearned));
  EXPECT_TRUE(torch::equal(plain.oracle, clipped.oracle));
}

TEST(UliraScores, OfFittedMarginsThatAreAllEqualAreFinite) {
  const torch::Tensor noise = gaussian(10, 1, 0, 1, 9);
  const auto accuracy_of = [](const torch::Tensor& u, const torch::Tensor& o) {
    const UliraScores scores = scores_of(u, o);
    EXPECT_TRUE(torch::isfinite(scores.unlearned).all().item<bool>());
    EXPECT_TRUE(torch::isfinite(scores.oracle).all().item<bool>());
    return summary_of(scores).accuracy;
  };
  EXPECT_EQ(accuracy_of(torch::full({10, 1}, 5.3F), torch::full({10, 1}, 5.3F)), 0.5);
  EXPECT_EQ(accuracy_of(torch::full({10, 1}, 5.3F), torch::full({10, 1}, 5.4F)), 1);
  // All equal where the others spread around the same place: told by being exactly there.
  EXPECT_EQ(accuracy_of(torch::full({10, 1}, 0.1F), noise), 1);
  EXPECT_EQ(accuracy_of(noise, torch::full({10, 1}, 0.1F)), 1);
  EXPECT_EQ(accuracy_of(torch::full({10, 1}, 1e30F), torch::full({10, 1}, -1e30F)), 1);
  const float least = std::numeric_limits<float>::denorm_min();
  EXPECT_EQ(accuracy_of(torch::full({10, 1}, least), torch::full({10, 1}, -least)), 1);
}

TEST(UliraScores, DoNotDependOnWorkersStridesOrNeighbours) {
  const torch::Tensor u = gaussian(11, 1500, 0, 1, 10);
  const torch::Tensor o = gaussian(8, 1500, 0, 2, 11);
  UliraOptions options;
  options.workers = 1;
  const UliraScores one = ulira_scores(u, o, all_points(u), options);
  options.workers = 5;
  const UliraScores five = ulira_scores(u, o, all_points(u), options);
  EXPECT_TRUE(torch::equal(one.unlearned, five.unlearned));
  EXPECT_TRUE(torch::equal(one.oracle, five.oracle));
  const UliraScores strided = scores_of(u.t().contiguous().t(), o.t().contiguous().t());
  EXPECT_TRUE(torch::equal(one.unlearned, strided.unlearned));
  EXPECT_TRUE(torch::equal(one.oracle, strided.oracle));
  const std::vector<int64_t> last = {1499};
  EXPECT_TRUE(
      torch::equal(one.oracle.slice(1, 1499, 1500), ulira_scores(u, o, last, options).oracle));
}

TEST(UliraScores, RefuseTooFewModelsWrongShapesAndPoints) {
  const torch::Tensor good = gaussian(4, 10, 0, 1, 12);
  const auto refusal = [](const torch::Tensor& u, const torch::Tensor& o,
                          std::vector<int64_t> points = {1, 2}) {
    return message_of<InputError>([&] { ulira_scores(u, o, points, {}); });
  };
  EXPECT_EQ(refusal(good, good), "nothing thrown");
  EXPECT_EQ(refusal(good.slice(0, 0, 3), good),
            "unlearned margins: U-LiRA needs at least 4 models a side, got 3");
  EXPECT_EQ(refusal(good, good.slice(0, 0, 3)),
            "oracle margins: U-LiRA needs at least 4 models a side, got 3");
  EXPECT_EQ(refusal(good, good.slice(1, 0, 9)),
            "margins of different points: unlearned [4, 10], oracles [4, 9]");
  EXPECT_EQ(refusal(good[0], good), "unlearned margins: expected shape (models, points), got [10]");
  EXPECT_EQ(refusal(good, good.to(torch::kFloat64)),
            "oracle margins: expected float32, got Double");
  EXPECT_EQ(refusal(good, good, {}), "points: at least one required, got none");
  EXPECT_EQ(refusal(good, good, {9, 10}), "points: expected indices 0 to 9, got 10");
  EXPECT_EQ(refusal(good, good, {-1}), "points: expected indices 0 to 9, got -1");
  EXPECT_EQ(refusal(good, good, {3, 4, 3}), "points: index 3 occurs twice");
}

TEST(UliraScores, NameSideModelAndPointOfANonFiniteMarginThatIsJudged) {
  const std::vector<int64_t> points = {2, 5};
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity()}) {
    for (const int64_t model : {2, 3}) {  // one that is fitted, one that is attacked
      torch::Tensor u = gaussian(4, 10, 0, 1, 13);
      torch::Tensor o = u + 1;
      o[model][5] = bad;
      EXPECT_EQ(message_of<NonFiniteError>([&] {
                  ulira_scores(u, o, points);
                }).find("oracle margins: model " + std::to_string(model) + ", point 5 is"),
                0U);
      std::swap(u, o);
      EXPECT_EQ(message_of<NonFiniteError>([&] {
                  ulira_scores(u, o, points);
                }).find("unlearned margins: model " + std::to_string(model) + ", point 5 is"),
                0U);
      EXPECT_NO_THROW(ulira_scores(u, o, std::vector<int64_t>{2, 4}));
    }
  }
}

TEST(UliraScores, RefuseOptionsOutOfRange) {
  const torch::Tensor good = gaussian(4, 10, 0, 1, 14);
  UliraOptions options;
  options.seed = -1;
  EXPECT_THROW(ulira_scores(good, good, all_points(good), options), OptionError);
  options.seed = 0;
  options.workers = -1;
  EXPECT_THROW(ulira_scores(good, good, all_points(good), options), OptionError);
  options_of(options).set("seed", int64_t{5});
  EXPECT_EQ(options.seed, 5);
}

}  // namespace
}  // namespace expunge
