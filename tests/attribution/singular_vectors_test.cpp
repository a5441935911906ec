// Triplets found by products against the dense decomposition.
#include "expunge/attribution/singular_vectors.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

SquareMap map_of(const torch::Tensor& b) {
  return {.n = b.size(0),
          .times = [b](const torch::Tensor& x) { return b.matmul(x); },
          .transposed_times = [b](const torch::Tensor& x) { return b.t().matmul(x).contiguous(); }};
}

// A matrix with these singular values and random vectors.
torch::Tensor with_values(const torch::Tensor& values, int64_t seed = 1) {
  torch::manual_seed(static_cast<uint64_t>(seed));
  const int64_t n = values.size(0);
  const auto u = std::get<0>(at::linalg_qr(torch::randn({n, n}, torch::kFloat64)));
  const auto v = std::get<0>(at::linalg_qr(torch::randn({n, n}, torch::kFloat64)));
  return u.matmul(at::diag(values)).matmul(v.t()).contiguous();
}

// 1 - |cosine| would lose half the digits.
double angle(const torch::Tensor& a, const torch::Tensor& b) {
  const double sign = a.dot(b).item<double>() < 0 ? -1 : 1;
  return (a - sign * b).norm().item<double>();
}

void expect_dense(const torch::Tensor& b, int64_t component, double tolerance = 1e-9) {
  const auto [u, s, vt] = at::linalg_svd(b);
  const auto found = singular_triplet(map_of(b), component, 3);
  const int64_t c = component - 1;
  EXPECT_NEAR(found.value, s[c].item<double>(), tolerance * s[0].item<double>());
  EXPECT_LT(angle(found.left, u.select(1, c)), tolerance) << component;
  EXPECT_LT(angle(found.right, vt.select(0, c)), tolerance) << component;
  EXPECT_LT((b.matmul(found.right) - found.value * found.left).norm().item<double>(),
            1e-10 * s[0].item<double>());
  EXPECT_NEAR(found.residual,
              (b.matmul(found.right) - found.value * found.left).norm().item<double>(),
              1e-13 * s[0].item<double>());
  // Equal lengths say nothing of the sign between the two.
  EXPECT_GT(found.left.dot(b.matmul(found.right)).item<double>(), 0);
}

TEST(SingularTriplet, IsTheDenseOneOfSmallMatrices) {
  torch::manual_seed(2);
  for (const int64_t n : {2, 3, 9, 10, 11, 40}) {
    const auto b = torch::randn({n, n}, torch::kFloat64);
    for (const int64_t component : {int64_t{1}, int64_t{2}, n}) expect_dense(b, component, 1e-8);
  }
}

TEST(SingularTriplet, IsFoundThroughRestarts) {
  // 400 values that fall slowly: the basis of 120 columns has to be cut back many times.
  const auto values = torch::arange(400, 0, -1).to(torch::kFloat64) / 400;
  const auto b = with_values(values);
  for (const int64_t component : {1, 2, 7, 30}) expect_dense(b, component, 1e-6);
}

TEST(SingularTriplet, KnowsItsGap) {
  auto values = torch::ones({60}, torch::kFloat64);
  values[0] = 10;
  values[1] = 7;
  values[2] = 6.5;
  const auto b = with_values(values);
  EXPECT_NEAR(singular_triplet(map_of(b), 1, 0).gap, 3, 0.1);
  EXPECT_NEAR(singular_triplet(map_of(b), 2, 0).gap, 0.5, 0.02);
  EXPECT_NEAR(singular_triplet(map_of(b), 3, 0).gap, 0.5, 0.02);
}

TEST(SingularTriplet, IsTurnedByNoMoreThanResidualOverGap) {
  // Nearly equal values: hard, but what is given must be right.
  auto values = torch::linspace(2, 0.1, 200, torch::kFloat64);
  values[0] = 5;
  values[1] = 5 - 1e-5;
  const auto b = with_values(values);
  const auto u = std::get<0>(at::linalg_svd(b));
  for (const int64_t component : {1, 2}) {
    const auto found = singular_triplet(map_of(b), component, 0);
    EXPECT_NEAR(found.gap, 1e-5, 1e-6);
    EXPECT_LT(found.residual, 1e-6 * found.gap);
    EXPECT_LT(angle(found.left, u.select(1, component - 1)), 1e-5);
  }
}

TEST(SingularTriplet, OfEqualValuesIsRefused) {
  auto values = torch::linspace(2, 0.1, 200, torch::kFloat64);
  values[0] = values[1] = 5;
  const auto b = with_values(values);
  for (const int64_t component : {1, 2}) {
    EXPECT_SAYS(message_of<Error>([&] { singular_triplet(map_of(b), component, 0); }),
                "is not defined");
  }
  EXPECT_NEAR(singular_triplet(map_of(b), 3, 0).value, values[2].item<double>(), 1e-9);
}

TEST(SingularTriplet, BeyondTheRankIsRefused) {
  auto values = torch::zeros({50}, torch::kFloat64);
  for (int64_t i = 0; i < 4; ++i) values[i] = 4 - i;
  const auto b = with_values(values);
  EXPECT_NEAR(singular_triplet(map_of(b), 4, 0).value, 1, 1e-9);
  for (const int64_t component : {5, 6, 50}) {
    EXPECT_SAYS(message_of<OptionError>([&] { singular_triplet(map_of(b), component, 0); }),
                "within the rank");
  }
  EXPECT_SAYS(message_of<OptionError>([&] { singular_triplet(map_of(0 * b), 1, 0); }),
              "within the rank");
}

TEST(SingularTriplet, OutOfRangeIsRefused) {
  const auto b = with_values(torch::linspace(3, 1, 6, torch::kFloat64));
  for (const int64_t component : {-1, 0, 7}) {
    EXPECT_SAYS(
        message_of<OptionError>([&] { singular_triplet(map_of(b), component, 0); }),
        fmt::format("option component: a whole number from 1 to 6 required, got {}", component));
  }
}

TEST(SingularTriplet, ThatIsNotReachedIsRefused) {
  const auto b = with_values(torch::linspace(1, 0.999, 400, torch::kFloat64));
  EXPECT_SAYS(message_of<Error>([&] { singular_triplet(map_of(b), 1, 0, 3); }), "was not found");
}

TEST(SingularTriplet, DoesNotDependOnTheStart) {
  torch::manual_seed(6);
  const auto b = torch::randn({90, 90}, torch::kFloat64);
  const auto one = singular_triplet(map_of(b), 2, 1);
  EXPECT_TRUE(at::equal(one.left, singular_triplet(map_of(b), 2, 1).left));
  const auto other = singular_triplet(map_of(b), 2, 2);
  EXPECT_LT(angle(one.left, other.left), 1e-8);
  EXPECT_FALSE(at::equal(one.left, other.left));
}

TEST(SingularTriplet, OfAMatrixWithNaNIsRefused) {
  auto b = torch::randn({20, 20}, torch::kFloat64);
  b[3][4] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(singular_triplet(map_of(b), 1, 0), NonFiniteError);
}

}  // namespace
}  // namespace expunge
