// Against the inverse taken whole.
#include "expunge/gradients/damped_moment.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

torch::Tensor dense_inverse(const torch::Tensor& x, int64_t count, double damp) {
  const auto moment = x.t().matmul(x) / static_cast<double>(count);
  const auto ridge = damp * moment.diagonal().mean();
  return at::linalg_inv(moment + ridge * torch::eye(x.size(1), x.options()));
}

TEST(DampedMoment, IsTheInverseForFewAndForManyRows) {
  torch::manual_seed(1);
  for (const int64_t rows : {1, 7, 8, 9, 40}) {  // 8 columns
    const auto x = torch::randn({rows, 8}, torch::kFloat64);
    const auto b = torch::randn({5, 8}, torch::kFloat64);
    for (const int64_t count : {rows, 3 * rows}) {
      const DampedMoment moment(x, count, 0.1);
      EXPECT_TRUE(
          torch::allclose(moment.divide(b), b.matmul(dense_inverse(x, count, 0.1)), 1e-9, 1e-10))
          << rows << ", " << count;
    }
  }
}

TEST(DampedMoment, OfSinglePrecisionIsClose) {
  torch::manual_seed(2);
  for (const int64_t rows : {30, 200}) {
    // A large common part, as images have.
    const auto x = (torch::randn({rows, 60}) + 3).contiguous();
    const auto b = torch::randn({5, 60});
    const auto expected =
        b.to(torch::kFloat64).matmul(dense_inverse(x.to(torch::kFloat64), rows, 0.1));
    const auto got = DampedMoment(x, rows, 0.1).divide(b).to(torch::kFloat64);
    EXPECT_LT((got - expected).abs().max().item<double>(),
              2e-4 * expected.abs().max().item<double>());
  }
}

TEST(DampedMoment, OfZerosIsTheIdentity) {
  const auto b = torch::randn({2, 3}, torch::kFloat64);
  EXPECT_TRUE(
      torch::equal(DampedMoment(torch::zeros({2, 3}, torch::kFloat64), 2, 0.1).divide(b), b));
}

TEST(DampedMoment, WhatIsNotFiniteIsRefused) {
  auto x = torch::ones({2, 3});
  x[1][1] = NAN;
  EXPECT_THROW(DampedMoment(x, 2, 0.1), NonFiniteError);
}

}  // namespace
}  // namespace expunge
