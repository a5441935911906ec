#include "expunge/attribution/weighted_sums.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(WeightedSums, AreMatrixProductsForEveryDtype) {
  torch::manual_seed(1);
  // Few and many weight vectors go different ways; widths that do not fill a block.
  for (const int64_t k : {1, 3, 8, 19}) {
    for (const int64_t width : {1, 70, 40001}) {
      const auto weights = torch::randn({k, 6});
      const auto values = torch::randn({6, width});
      const auto check = [&](const torch::Tensor& rows) {
        const auto expected = weights.to(torch::kFloat64).matmul(rows.to(torch::kFloat64));
        const auto sums = weighted_sums(weights, rows, "rows", 2);
        EXPECT_TRUE(at::allclose(sums.to(torch::kFloat64), expected, 1e-5, 1e-5))
            << k << " " << width;
      };
      check(values);
      check(values.to(torch::kFloat16));
      check(values > 0);
    }
  }
}

TEST(WeightedSums, KeepTheShapeAndDoNotDependOnWorkers) {
  const auto rows = torch::randn({4, 301, 10});
  const auto weights = torch::randn({2, 4});
  const auto one = weighted_sums(weights, rows, "rows", 1);
  EXPECT_EQ(one.sizes(), at::IntArrayRef({2, 301, 10}));
  EXPECT_TRUE(at::equal(one, weighted_sums(weights, rows, "rows", 3)));
}

TEST(WeightedSums, NameTheFirstValueThatIsNotFinite) {
  for (const auto dtype : {torch::kFloat32, torch::kFloat16}) {
    for (const int64_t k : {1, 9}) {
      auto rows = torch::zeros({4, 50, 10}, dtype);
      rows[2][31][7] = std::numeric_limits<float>::infinity();
      rows[3][40][0] = std::numeric_limits<float>::quiet_NaN();
      try {
        weighted_sums(torch::zeros({k, 4}), rows, "logits", 2);
        FAIL();
      } catch (const NonFiniteError& error) {
        EXPECT_STREQ(error.what(),
                     "logits: finite values required, got NaN or infinity at [2, 31, 7]");
      }
    }
  }
}

TEST(WeightedSums, RefuseWhatDoesNotFit) {
  EXPECT_THROW(weighted_sums(torch::zeros({1, 3}), torch::zeros({4, 5}), "rows"), InputError);
  EXPECT_THROW(weighted_sums(torch::zeros({1, 4}), torch::zeros({4, 5}, torch::kInt64), "rows"),
               InputError);
}

}  // namespace
}  // namespace expunge
