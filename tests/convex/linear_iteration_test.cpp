#include "expunge/convex/linear_iteration.h"

#include <gtest/gtest.h>

#include "reference.h"

namespace expunge {
namespace {

TEST(LinearIteration, DistancesAreThoseOfTakingTheSteps) {
  const auto root = random_matrix(12, 5, 1);
  const auto positive = root.t().matmul(root);
  const auto e0 = random_matrix(5, 2, 3);
  const auto drift = random_matrix(5, 2, 5);
  // Positive, indefinite (as in ascent-descent) and singular.
  auto flat = root.clone();
  flat.select(1, 2).zero_();
  const std::vector<torch::Tensor> matrices = {
      positive, positive - 8 * torch::eye(5, torch::kFloat64), flat.t().matmul(flat)};
  for (const auto& q : matrices) {
    const LinearIteration theory(q);
    const double step = 0.9 / theory.largest();
    for (const bool drifts : {false, true}) {
      auto e = e0.clone();
      const std::vector<int64_t> times = {0, 1, 2, 7, 40};
      const auto predicted = theory.distances(e0, drifts ? drift : torch::Tensor(), step, times);
      int64_t now = 0;
      for (size_t i = 0; i < times.size(); ++i) {
        for (; now < times[i]; ++now) {
          e = e - step * q.matmul(e);
          if (drifts) e = e + step * drift;
        }
        EXPECT_NEAR(predicted[i] / e.norm().item<double>(), 1, 1e-9) << times[i] << drifts;
      }
    }
  }
}

TEST(LinearIteration, FinalFactorIsThatOfTheSlowestDirectionWithError) {
  const auto q = torch::diag(torch::tensor({4.0, 1.0, 0.25}, torch::kFloat64));
  const LinearIteration theory(q);
  const auto all = torch::ones({3, 1}, torch::kFloat64);
  EXPECT_NEAR(theory.final_factor(all, 0.25), 1 - 0.25 * 0.25, 1e-14);
  auto two = all.clone();
  two[2] = 0;  // nothing to do along the slowest
  EXPECT_NEAR(theory.final_factor(two, 0.25), 0.75, 1e-14);
  EXPECT_NEAR(theory.final_factor(two, 0.49), std::fabs(1 - 0.49 * 4), 1e-14);  // too long a step
  EXPECT_EQ(theory.smallest_positive(), 0.25);
}

TEST(LinearIteration, DecayRateOfAGeometricSequence) {
  const auto times = recorded_times(400, 30);
  EXPECT_EQ(times.front(), 0);
  EXPECT_EQ(times.back(), 400);
  std::vector<double> values;
  for (const int64_t t : times) values.push_back(3 * std::exp(-0.02 * static_cast<double>(t)));
  EXPECT_NEAR(decay_rate(times, values), 0.02, 1e-12);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] += times[i] > 200 ? 0 : 0.5;  // an earlier, slower part
  EXPECT_NEAR(decay_rate(times, values), 0.02, 3e-3);
  EXPECT_EQ(decay_rate(times, std::vector<double>{1}), 0);
}

}  // namespace
}  // namespace expunge
