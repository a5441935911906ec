// Sketches against the matrix written out, and what is promised of their inner products.
#include "expunge/gradients/sign_sketch.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

const auto doubles = torch::TensorOptions(torch::kFloat64);

torch::Tensor sketched(const SignSketch& sketch, const torch::Tensor& rows, int64_t width) {
  auto sums = torch::zeros({rows.size(0), width}, doubles);
  sketch.add(rows, 0, sums);
  return sums;
}

// S' (p, k).
torch::Tensor matrix_of(const SignSketch& sketch, int64_t length, int64_t width) {
  return sketched(sketch, torch::eye(length, doubles), width);
}

TEST(SignSketch, SendsEachPlaceToOneSumAndPlacesOfAChunkToDifferentOnes) {
  const auto matrix = matrix_of({23, 7, 3, doubles}, 23, 7);
  EXPECT_TRUE(torch::equal(matrix.abs().sum(1), torch::ones({23}, doubles)));
  EXPECT_TRUE(torch::equal(matrix.abs().amax(1), torch::ones({23}, doubles)));
  for (int64_t first = 0; first < 23; first += 7) {
    const auto chunk = matrix.narrow(0, first, std::min<int64_t>(7, 23 - first));
    EXPECT_LE(chunk.abs().sum(0).max().item<double>(), 1) << first;
  }
}

TEST(SignSketch, IsTheProductWithThatMatrixHoweverItIsGiven) {
  const SignSketch sketch(50, 8, 5, doubles);
  torch::manual_seed(1);
  const auto x = torch::randn({4, 50}, doubles);
  const auto expected = x.matmul(matrix_of(sketch, 50, 8));
  EXPECT_TRUE(torch::allclose(sketched(sketch, x, 8), expected, 1e-12, 1e-12));
  auto in_parts = torch::zeros({4, 8}, doubles);
  for (const auto& [first, count] : {std::pair{0, 3}, {3, 30}, {33, 17}})
    sketch.add(x.narrow(1, first, count), first, in_parts);
  EXPECT_TRUE(torch::allclose(in_parts, expected, 1e-12, 1e-12));
}

// Over 4,000 seeds: the mean is x . y within five of its standard errors, the variance at most what the header says.
TEST(SignSketch, KeepsInnerProductsInExpectation) {
  constexpr int64_t width = 10;
  constexpr int64_t seeds = 4000;
  torch::manual_seed(2);
  const auto x = torch::randn({2, 95}, doubles) + 0.5;
  auto products = torch::empty({seeds}, doubles);
  for (int64_t seed = 0; seed < seeds; ++seed) {
    const auto s = sketched({95, width, static_cast<uint64_t>(seed), doubles}, x, width);
    products[seed] = s[0].dot(s[1]);
  }
  const double exact = x[0].dot(x[1]).item<double>();
  const double bound =
      (x[0].square().sum() * x[1].square().sum()).item<double>() / width + exact * exact / width;
  const double variance = products.var().item<double>();
  EXPECT_NEAR(products.mean().item<double>(), exact, 5 * std::sqrt(variance / seeds));
  EXPECT_LT(variance, 1.1 * bound);
  EXPECT_GT(variance, 0.5 * bound);
}

TEST(SignSketch, RefusesWhatDoesNotFit) {
  EXPECT_THROW((SignSketch{0, 4, 1, doubles}), Error);
  EXPECT_THROW((SignSketch{4, 0, 1, doubles}), Error);
  const SignSketch sketch(8, 4, 1, doubles);
  auto sums = torch::zeros({1, 4}, doubles);
  EXPECT_THROW(sketch.add(torch::zeros({1, 4}, doubles), 5, sums), Error);
  EXPECT_THROW(sketch.add(torch::zeros({1, 4}, doubles), -1, sums), Error);
  auto too_few = torch::zeros({1, 3}, doubles);
  EXPECT_THROW(sketch.add(torch::zeros({1, 4}, doubles), 0, too_few), Error);
}

}  // namespace
}  // namespace expunge
