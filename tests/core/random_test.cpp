#include "expunge/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <string>

namespace expunge {
namespace {

using Words = std::array<uint32_t, 4>;

// The known answers that the authors of Philox publish for Philox4x32 with 10 rounds.
TEST(Random, PhiloxGivesItsPublishedAnswers) {
  EXPECT_EQ(philox_block({0, 0, 0, 0}, {0, 0}),
            (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox_block({~0U, ~0U, ~0U, ~0U}, {~0U, ~0U}),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(
      philox_block({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
      (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Random, StreamIsPhiloxOfTheCounterWithTheSeedAsKey) {
  const uint64_t seed = 0x0123456789abcdefU;
  CounterRng rng(seed);
  for (uint32_t block = 0; block < 3; ++block) {
    for (const uint32_t word : philox_block({block, 0, 0, 0}, {0x89abcdefU, 0x01234567U})) {
      EXPECT_EQ(rng.next32(), word);
    }
  }
}

TEST(Random, SeedsDifferByRoleIndexAndSeed) {
  std::set<uint64_t> seen;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1}, uint64_t{1} << 40}) {
    for (const std::string role : {"", "a", "b", "ab", "initial", "order", "subset masks"}) {
      for (uint64_t index = 0; index < 200; ++index) {
        EXPECT_TRUE(seen.insert(derive_seed(seed, role, index)).second);
      }
    }
  }
  EXPECT_EQ(derive_seed(7, "order", 3), derive_seed(7, "order", 3));
}

TEST(Random, UniformLiesInItsIntervalWithTheRightMoments) {
  CounterRng rng(1);
  const int count = 100000;
  double sum = 0;
  double squares = 0;
  for (int i = 0; i < count; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    sum += u;
    squares += u * u;
  }
  EXPECT_NEAR(sum / count, 0.5, 5 * std::sqrt(1.0 / 12 / count));
  EXPECT_NEAR(squares / count, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / count));
}

TEST(Random, NormalHasTheDistributionFunctionOfTheNormal) {
  CounterRng rng(2);
  std::vector<double> draws(50000);
  for (double& draw : draws) draw = rng.normal();
  std::sort(draws.begin(), draws.end());
  // Kolmogorov and Smirnov: sqrt(count) times the largest distance exceeds 1.95 once in 1,000.
  double distance = 0;
  const auto count = static_cast<double>(draws.size());
  for (size_t i = 0; i < draws.size(); ++i) {
    const double expected = std::erfc(-draws[i] / std::sqrt(2.0)) / 2;
    distance = std::max({distance, std::abs(expected - static_cast<double>(i) / count),
                         std::abs(expected - static_cast<double>(i + 1) / count)});
  }
  EXPECT_LT(distance * std::sqrt(count), 1.95);
}

// The polar method from its definition, with the library's logarithm.
TEST(Random, NormalAgreesWithTheLibrarysLogarithm) {
  CounterRng rng(3);
  CounterRng same(3);
  for (int i = 0; i < 10000; ++i) {
    double x = 0;
    double s = 2;
    while (s >= 1 || s == 0) {
      x = 2 * same.uniform() - 1;
      const double y = 2 * same.uniform() - 1;
      s = x * x + y * y;
    }
    const double expected = x * std::sqrt(-2 * std::log(s) / s);
    EXPECT_NEAR(rng.normal(), expected, 1e-14 * (1 + std::abs(expected)));
  }
}

TEST(Random, BelowIsUniformForABoundThatDoesNotDivideThePowerOfTwo) {
  CounterRng rng(4);
  std::array<int, 7> counts{};
  const int draws = 70000;
  for (int i = 0; i < draws; ++i) ++counts.at(rng.below(7));
  double chi_square = 0;
  for (const int count : counts) chi_square += std::pow(count - draws / 7.0, 2) / (draws / 7.0);
  EXPECT_LT(chi_square, 22.5);  // 6 degrees of freedom, once in 1,000
  // Two thirds of all words lie below this bound: taken by remainder alone, half of the results
  // would lie in the lower half of what wraps around.
  const uint64_t bound = (uint64_t{1} << 63) + (uint64_t{1} << 62);
  int low = 0;
  for (int i = 0; i < 30000; ++i) low += rng.below(bound) < bound / 3 ? 1 : 0;
  EXPECT_NEAR(low, 10000, 5 * std::sqrt(30000 * 2.0 / 9));
  EXPECT_EQ(rng.below(1), 0U);
}

TEST(Random, PermutationsOfFourAreAllEquallyLikely) {
  std::map<std::vector<int64_t>, int> counts;
  const int draws = 24000;
  for (int i = 0; i < draws; ++i) {
    ++counts[CounterRng(static_cast<uint64_t>(i)).permutation(4)];
  }
  ASSERT_EQ(counts.size(), 24U);
  double chi_square = 0;
  for (const auto& [order, count] : counts) {
    EXPECT_TRUE(std::is_permutation(order.begin(), order.end(),
                                    std::array<int64_t, 4>{0, 1, 2, 3}.begin()));
    chi_square += std::pow(count - 1000.0, 2) / 1000;
  }
  EXPECT_LT(chi_square, 49.7);  // 23 degrees of freedom, once in 1,000
  EXPECT_TRUE(CounterRng(0).permutation(0).empty());
}

}  // namespace
}  // namespace expunge
