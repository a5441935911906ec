#include "expunge/convex/cholesky.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "reference.h"

namespace expunge {
namespace {

TEST(Cholesky, RemovedRowsLeaveTheFactorOfTheDifference) {
  const auto all = random_matrix(50, 9, 1);
  const auto gone = all.narrow(0, 10, 7);
  Cholesky factor(all.t().matmul(all), "test");
  ASSERT_TRUE(factor.remove_rows(gone));
  const auto difference = all.t().matmul(all) - gone.t().matmul(gone);
  const auto& r = factor.factor();
  EXPECT_LT(relative_error(r.t().matmul(r), difference), 1e-14);
  EXPECT_EQ(r.tril(-1).abs().max().item<double>(), 0);
  const auto b = random_matrix(9, 2, 3);
  EXPECT_LT(relative_error(difference.matmul(factor.solve(b)), b), 1e-12);
  EXPECT_LT(relative_error(factor.half_solve(b).t().matmul(factor.half_solve(b)),
                           b.t().matmul(torch::linalg_solve(difference, b))),
            1e-12);
}

TEST(Cholesky, MoreThanThereIsIsNotRemoved) {
  const auto rows = random_matrix(5, 5, 5);
  Cholesky factor(rows.t().matmul(rows), "test");
  const auto before = factor.factor().clone();
  EXPECT_FALSE(factor.remove_rows(rows.narrow(0, 0, 1) * 1.5));
  EXPECT_TRUE(factor.factor().equal(before));
  EXPECT_THROW(Cholesky(torch::zeros({3, 3}, torch::kFloat64), "test"), InputError);
}

TEST(Cholesky, MomentsAreSumsOverAllRows) {
  const auto x = random_matrix(1000, 70, 7);
  const auto y = random_matrix(1000, 3, 9);
  const auto moments = moments_of(1000, 70, 3, 2, [&](int64_t begin, int64_t end) {
    return std::pair(x.narrow(0, begin, end - begin), y.narrow(0, begin, end - begin));
  });
  EXPECT_LT(relative_error(moments.gram, x.t().matmul(x)), 1e-14);
  EXPECT_LT(relative_error(moments.cross, x.t().matmul(y)), 1e-14);
  EXPECT_TRUE(moments.gram.equal(moments.gram.t()));
}

TEST(Cholesky, ConditionNumber) {
  EXPECT_NEAR(condition_number(torch::diag(torch::tensor({2.0, 8.0, 1.0}, torch::kFloat64))), 8,
              1e-12);
  EXPECT_TRUE(std::isinf(condition_number(torch::zeros({2, 2}, torch::kFloat64))));
}

}  // namespace
}  // namespace expunge
