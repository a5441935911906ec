// Drawn forget sets are uniform and reproducible; classes, neighbours and extremes are those of a
// plain search.
#include "expunge/data/forget_selection.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

using Indices = std::vector<int64_t>;

Indices sorted(Indices indices) {
  std::sort(indices.begin(), indices.end());
  return indices;
}

bool has_no_repeats(const Indices& indices) {
  return std::set(indices.begin(), indices.end()).size() == indices.size();
}

// Sum of squared deviations of how often each cell came, over its expectation: about the number of
// cells, give or take its root times 1.4.
double chi_square(const std::vector<int64_t>& counts, double expected) {
  double sum = 0;
  for (const int64_t count : counts) sum += std::pow(static_cast<double>(count) - expected, 2);
  return sum / expected;
}

TEST(RandomExamples, ComeEquallyOftenAndInEveryPlace) {
  constexpr int64_t n = 30;
  constexpr int64_t k = 6;
  constexpr int64_t draws = 5000;
  std::vector<int64_t> counts(n, 0);
  std::vector<int64_t> firsts(n, 0);
  for (int64_t seed = 0; seed < draws; ++seed) {
    const auto drawn = random_examples(n, k, static_cast<uint64_t>(seed));
    ASSERT_EQ(drawn.size(), static_cast<size_t>(k));
    ASSERT_TRUE(has_no_repeats(drawn));
    for (const int64_t i : drawn) ++counts.at(static_cast<size_t>(i));
    ++firsts[static_cast<size_t>(drawn.front())];
  }
  // Drawn without repeats, the count of one example has variance draws p (1 - p), p = k / n.
  const double p = static_cast<double>(k) / n;
  EXPECT_NEAR(chi_square(counts, draws * p) / (1 - p), n - 1, 4.5 * std::sqrt(2.0 * n));
  EXPECT_NEAR(chi_square(firsts, static_cast<double>(draws) / n), n - 1, 4.5 * std::sqrt(2.0 * n));
}

TEST(RandomExamples, OfOneSeedBeginAlike) {
  const auto ten = random_examples(100, 10, 7);
  const auto all_but_one = random_examples(100, 99, 7);
  EXPECT_TRUE(std::equal(ten.begin(), ten.end(), all_but_one.begin()));
  EXPECT_EQ(ten, random_examples(100, 10, 7));
  EXPECT_NE(ten, random_examples(100, 10, 8));
}

TEST(RandomExamples, LeaveSomethingToForgetAndToRetain) {
  for (const int64_t k : {-1, 0, 5, 6}) {
    EXPECT_SAYS(
        message_of<OptionError>([&] { random_examples(5, k, 0); }),
        fmt::format("option count: a whole number from 1 to 4 required (there are 5 training "
                    "examples, one of which must be retained), got {}",
                    k));
  }
  EXPECT_EQ(random_examples(2, 1, 0).size(), 1U);
}

class Classes : public testing::Test {
 protected:
  torch::Tensor labels_ = torch::tensor({0, 2, 1, 2, 0, 2, 2, 0}, torch::kInt64);
};

TEST_F(Classes, WholeInIncreasingOrder) {
  EXPECT_EQ(class_examples(labels_, 2), (Indices{1, 3, 5, 6}));
  EXPECT_EQ(class_examples(labels_, 1), (Indices{2}));
  EXPECT_EQ(class_examples(labels_.flip(0), 0), (Indices{0, 3, 7}));
}

TEST_F(Classes, PartsComeEquallyOften) {
  constexpr int64_t draws = 4000;
  std::vector<int64_t> counts(8, 0);
  for (int64_t seed = 0; seed < draws; ++seed) {
    const auto drawn = class_examples(labels_, 2, 2, static_cast<uint64_t>(seed));
    ASSERT_EQ(drawn.size(), 2U);
    ASSERT_TRUE(has_no_repeats(drawn));
    for (const int64_t i : drawn) ++counts[static_cast<size_t>(i)];
  }
  EXPECT_EQ(counts[0] + counts[2] + counts[4] + counts[7], 0);
  const std::vector<int64_t> members = {counts[1], counts[3], counts[5], counts[6]};
  EXPECT_LT(chi_square(members, draws / 2.0) / 0.5, 20);  // 3 degrees of freedom
}

TEST_F(Classes, PartsOfOneSeedBeginAlikeAndAllIsAll) {
  const auto three = class_examples(labels_, 2, 3, 5);
  const auto four = class_examples(labels_, 2, 4, 5);
  EXPECT_TRUE(std::equal(three.begin(), three.end(), four.begin()));
  EXPECT_EQ(sorted(four), class_examples(labels_, 2));
}

TEST_F(Classes, RefuseWhatIsNotThere) {
  EXPECT_SAYS(message_of<OptionError>([&] { class_examples(labels_, 3); }),
              "class 3 has no training example");
  EXPECT_SAYS(message_of<OptionError>([&] { class_examples(labels_, 2, 5, 0); }),
              "from 1 to 4 required (class 2 has 4 of the 8 training examples), got 5");
  EXPECT_SAYS(message_of<OptionError>([&] { class_examples(labels_, 2, 0, 0); }), "got 0");
  const auto same = torch::zeros({4}, torch::kInt64);
  EXPECT_SAYS(message_of<OptionError>([&] { class_examples(same, 0); }),
              "all 4 training examples are of class 0");
  EXPECT_SAYS(message_of<OptionError>([&] { class_examples(same, 0, 4, 0); }), "from 1 to 3");
  EXPECT_SAYS(message_of<InputError>([&] { class_examples(labels_.view({2, 4}), 0); }), "(2, 4)");
}

TEST_F(Classes, SharesAreRoundedAndNeverNothing) {
  EXPECT_EQ(count_of_share(0.5, 7), 4);
  EXPECT_EQ(count_of_share(0.1, 100), 10);
  EXPECT_EQ(count_of_share(1, 7), 7);
  EXPECT_EQ(count_of_share(1e-9, 7), 1);
  for (const double share : {0.0, -0.5, 1.01, std::nan("")})
    EXPECT_THROW(count_of_share(share, 7), OptionError);
}

TEST_F(Classes, AreNamedByNumberOrName) {
  const std::vector<std::string> names = {"coat", "shirt", "0"};
  EXPECT_EQ(class_label("shirt", 3, names), 1);
  EXPECT_EQ(class_label("1", 3, names), 1);
  EXPECT_EQ(class_label("0", 3, names), 2);  // the class of that name
  EXPECT_EQ(class_label("2", 3, {}), 2);
  EXPECT_SAYS(message_of<OptionError>([&] { class_label("shrt", 3, names); }),
              "unknown class \"shrt\"; did you mean \"shirt\"?");
  for (const std::string text : {"3", "-1"}) {
    EXPECT_SAYS(message_of<OptionError>([&] { class_label(text, 3, names); }),
                "a class from 0 to 2 required, got \"" + text + "\"");
  }
  EXPECT_SAYS(message_of<OptionError>([&] { class_label("coat", 3, {}); }),
              "no names of classes are known");
}

// Subpopulations are chosen as classes are, by streams of their own.
TEST_F(Classes, SubpopulationsAreChosenAlike) {
  EXPECT_EQ(subpopulation_examples(labels_, 2), (Indices{1, 3, 5, 6}));
  const auto three = subpopulation_examples(labels_, 2, 3, 5);
  const auto four = subpopulation_examples(labels_, 2, 4, 5);
  EXPECT_TRUE(std::equal(three.begin(), three.end(), four.begin()));
  EXPECT_EQ(sorted(four), subpopulation_examples(labels_, 2));
  int64_t same = 0;
  for (uint64_t seed = 0; seed < 50; ++seed)
    same += subpopulation_examples(labels_, 2, 4, seed) == class_examples(labels_, 2, 4, seed);
  EXPECT_LT(same, 12);  // of 24 orders each
  EXPECT_SAYS(message_of<OptionError>([&] { subpopulation_examples(labels_, 3); }),
              "option subpopulation: subpopulation 3 has no training example");
  EXPECT_SAYS(message_of<OptionError>([&] { subpopulation_examples(labels_, 2, 5, 0); }),
              "from 1 to 4 required (subpopulation 2 has 4 of the 8 training examples), got 5");
  const auto alike = torch::zeros({4}, torch::kInt64);
  EXPECT_SAYS(message_of<OptionError>([&] { subpopulation_examples(alike, 0); }),
              "all 4 training examples are of subpopulation 0");
}

TEST_F(Classes, SubpopulationsAreNamedByNameOrNumber) {
  const std::vector<std::string> names = {"n01631663", "n01632777"};
  EXPECT_EQ(subpopulation_index("n01632777", names), 1);
  EXPECT_EQ(subpopulation_index("0", names), 0);
  EXPECT_SAYS(message_of<OptionError>([&] { subpopulation_index("n01631636", names); }),
              "unknown subpopulation \"n01631636\"; did you mean \"n01631663\"?");
  EXPECT_SAYS(message_of<OptionError>([&] { subpopulation_index("2", names); }),
              "a subpopulation from 0 to 1 required, got \"2\"");
  EXPECT_SAYS(message_of<OptionError>([&] { subpopulation_index("n01631663", {}); }),
              "data with subpopulations required (format \"living17\"), got none");
}

// By the definition, one pair after the other.
Indices plain_search(const torch::Tensor& embeddings, int64_t example, int64_t k,
                     Distance distance) {
  const auto x = embeddings.to(torch::kFloat64);
  std::vector<std::pair<double, int64_t>> order;
  for (int64_t i = 0; i < x.size(0); ++i) {
    const double d = distance == Distance::euclidean
                         ? (x[i] - x[example]).norm().item<double>()
                         : 1 - at::cosine_similarity(x[i], x[example], 0).item<double>();
    order.emplace_back(i == example ? -1 : d, i);
  }
  std::sort(order.begin(), order.end());
  Indices nearest;
  for (int64_t i = 0; i < k; ++i) nearest.push_back(order[static_cast<size_t>(i)].second);
  return nearest;
}

TEST(NearestExamples, AreThoseOfAPlainSearch) {
  torch::manual_seed(3);
  const auto embeddings = torch::randn({60, 5}, torch::kFloat64) + 0.5;
  for (const auto dtype : {torch::kFloat64, torch::kFloat32, torch::kFloat16}) {
    const auto e = embeddings.to(dtype);
    for (const auto distance : {Distance::cosine, Distance::euclidean}) {
      for (const int64_t example : {0, 31, 59}) {
        const auto nearest = nearest_examples(e, example, 20, distance, 2);
        EXPECT_EQ(nearest, plain_search(e, example, 20, distance));
        EXPECT_EQ(nearest.front(), example);
      }
    }
  }
}

TEST(NearestExamples, OfOneAreTheExampleItself) {
  const auto e = torch::ones({4, 2});  // all at one place
  EXPECT_EQ(nearest_examples(e, 2, 1, Distance::cosine), (Indices{2}));
  EXPECT_EQ(nearest_examples(e, 2, 3, Distance::euclidean), (Indices{2, 0, 1}));
}

TEST(NearestExamples, OfTheCosineDoNotSeeLengths) {
  const auto e = torch::tensor({{1.0, 0.0}, {100.0, 10.0}, {1.0, 0.5}, {0.0, 1.0}});
  EXPECT_EQ(nearest_examples(e, 0, 3, Distance::cosine), (Indices{0, 1, 2}));
  EXPECT_EQ(nearest_examples(e, 0, 3, Distance::euclidean), (Indices{0, 2, 3}));
}

TEST(NearestExamples, AreFoundAcrossBlocks) {
  // Two blocks of float64 rows; the nearest one is the last.
  auto e = torch::zeros({600, 2000});
  e.select(1, 0).copy_(torch::arange(600) + 5);
  e[599][0] = 0.1;
  e[0][0] = 0;
  EXPECT_EQ(nearest_examples(e, 0, 3, Distance::euclidean, 2), (Indices{0, 599, 1}));
  e[590][7] = std::numeric_limits<float>::infinity();
  EXPECT_SAYS(message_of<NonFiniteError>([&] { nearest_examples(e, 0, 3, Distance::euclidean); }),
              "example 590");
}

TEST(NearestExamples, RefuseWhatHasNoDistance) {
  auto e = torch::rand({6, 3}) + 1;
  const auto refusal = [&](const torch::Tensor& x, int64_t example, int64_t k) {
    return message_of<Error>([&] { nearest_examples(x, example, k, Distance::cosine); });
  };
  EXPECT_SAYS(refusal(e, 6, 2), "option example: an index from 0 to 5 required, got 6");
  EXPECT_SAYS(refusal(e, -1, 2), "got -1");
  EXPECT_SAYS(refusal(e, 0, 0), "option count");
  EXPECT_SAYS(refusal(e, 0, 6), "from 1 to 5");
  EXPECT_SAYS(refusal(e.view({6, 3, 1}), 0, 2), "(n, d) of float16, float32 or float64");
  EXPECT_SAYS(refusal(e.to(torch::kInt64), 0, 2), "Long");
  EXPECT_SAYS(refusal(torch::empty({6, 0}), 0, 2), "(6, 0)");
  auto zero = e.clone();
  zero[4].zero_();
  EXPECT_SAYS(refusal(zero, 0, 2), "got 0 at example 4");
  EXPECT_NO_THROW(nearest_examples(zero, 0, 2, Distance::euclidean));
  e[3][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_SAYS(refusal(e, 0, 2), "example 3");
  EXPECT_THROW(nearest_examples(e, 3, 2, Distance::euclidean), NonFiniteError);
}

TEST(ExtremeExamples, AreTheEndsOfTheOrder) {
  const auto scores = torch::tensor({0.5, -2.0, 3.0, 0.0, -1.0, 7.0}, torch::kFloat64);
  EXPECT_EQ(extreme_examples(scores, 3, ScoreEnd::top), (Indices{5, 2, 0}));
  EXPECT_EQ(extreme_examples(scores, 2, ScoreEnd::bottom), (Indices{1, 4}));
  EXPECT_EQ(extreme_examples(scores, 5, ScoreEnd::both), (Indices{5, 2, 0, 1, 4}));
  EXPECT_EQ(extreme_examples(scores, 1, ScoreEnd::both), (Indices{5}));
}

TEST(ExtremeExamples, WithEqualScoresGoByIndexAndNeverMeet) {
  const auto scores = torch::ones({5}, torch::kFloat64);
  EXPECT_EQ(extreme_examples(scores, 3, ScoreEnd::top), (Indices{0, 1, 2}));
  EXPECT_EQ(extreme_examples(scores, 3, ScoreEnd::bottom), (Indices{0, 1, 2}));
  EXPECT_EQ(extreme_examples(scores, 4, ScoreEnd::both), (Indices{0, 1, 2, 3}));
}

TEST(ExtremeExamples, RefuseWhatHasNoOrder) {
  const auto scores = torch::rand({5}, torch::kFloat64);
  EXPECT_THROW(extreme_examples(scores, 0, ScoreEnd::top), OptionError);
  EXPECT_THROW(extreme_examples(scores, 5, ScoreEnd::both), OptionError);
  EXPECT_THROW(extreme_examples(scores.to(torch::kFloat32), 2, ScoreEnd::top), InputError);
  EXPECT_THROW(extreme_examples(scores / 0.0, 2, ScoreEnd::top), NonFiniteError);
}

}  // namespace
}  // namespace expunge
