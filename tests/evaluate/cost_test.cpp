#include "expunge/evaluate/cost.h"

#include <gtest/gtest.h>

#include <limits>

#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(Cost, ForwardIsAThirdAndBackwardTwoThirdsOfAGradient) {
  EXPECT_DOUBLE_EQ(cost_of_forward(300).sample_gradients, 100);
  EXPECT_DOUBLE_EQ(cost_of_backward(300).sample_gradients, 200);
  EXPECT_DOUBLE_EQ((cost_of_forward(300) + cost_of_backward(300)).sample_gradients,
                   cost_of_gradients(300).sample_gradients);
}

TEST(Cost, AKernelStepCountsOneForwardAndABackwardAClass) {
  // P (1/3 + C 2/3) with P = 120 points and C = 10 classes is 840 sample gradients: 2.1% of 20
  // epochs over 2,000 examples.
  Cost cost = cost_of_forward(120);
  cost += cost_of_backward(120, 10);
  EXPECT_DOUBLE_EQ(cost.sample_gradients, 840);
  EXPECT_DOUBLE_EQ(share_of_training(cost, 20 * 2000), 0.021);
}

TEST(Cost, PaysOffAtTheFirstRequestThatIsNotDearer) {
  EXPECT_EQ(requests_to_pay_off(100, 0), 100);
  EXPECT_EQ(requests_to_pay_off(100, 0.5), 200);
  EXPECT_EQ(requests_to_pay_off(0, 0.5), 0);
  EXPECT_EQ(requests_to_pay_off(95, 0.05), 100);  // 95 / 0.95 is 100.00000000000001 in doubles
  for (const double share : {0.01, 0.13, 0.5, 0.77}) {
    for (const double trainings : {1.0, 7.0, 100.0}) {
      const int64_t requests = requests_to_pay_off(trainings, share).value();
      EXPECT_LE(trainings + requests * share, requests + 1e-6);
      EXPECT_GT(trainings + (requests - 1) * share, requests - 1);
    }
  }
}

TEST(Cost, NeverPaysOffIfARequestCostsATraining) {
  EXPECT_EQ(requests_to_pay_off(1, 1), std::nullopt);
  EXPECT_EQ(requests_to_pay_off(1, 1.5), std::nullopt);
}

TEST(Cost, RefusesNegativeAndNonFiniteNumbers) {
  EXPECT_THROW(cost_of_forward(-1), Error);
  EXPECT_THROW(cost_of_backward(1, -1), Error);
  EXPECT_THROW(cost_of_gradients(std::numeric_limits<double>::quiet_NaN()), Error);
  EXPECT_THROW(share_of_training({1}, 0), Error);
  EXPECT_THROW(requests_to_pay_off(-1, 0), Error);
  EXPECT_THROW(requests_to_pay_off(1, -0.1), Error);
}

}  // namespace
}  // namespace expunge
