#include "expunge/attribution/group_moments.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

namespace expunge {
namespace {

GroupMoments moments_of(const torch::Tensor& masks, const torch::Tensor& logits) {
  GroupMoments moments(logits.size(1), logits.size(2));
  for (int64_t i = 0; i < logits.size(0); ++i)
    moments.add(masks[i].data_ptr<bool>(), logits[i].data_ptr<float>());
  return moments;
}

TEST(GroupMoments, AreThoseOfTheTwoGroups) {
  torch::manual_seed(4);
  // Far from 0, where sums of squares of the values themselves would lose all digits.
  const auto logits = torch::randn({30, 6, 4}) + 1000;
  const auto masks = torch::rand({30, 6}) < 0.6;
  const auto moments = moments_of(masks, logits);
  for (int64_t j = 0; j < 6; ++j) {
    const auto z = logits.select(1, j).to(torch::kFloat64);
    const auto seen = z.index({masks.select(1, j)});
    const auto unseen = z.index({masks.select(1, j).logical_not()});
    const auto squares =
        (seen - seen.mean(0)).square().sum(0) + (unseen - unseen.mean(0)).square().sum(0);
    EXPECT_TRUE(torch::allclose(moments.variance()[j], squares / 28, 1e-9));
    EXPECT_TRUE(torch::allclose(moments.mean_seen()[j], seen.mean(0), 1e-12));
  }
}

TEST(GroupMoments, SayWhatIsNotIdentified) {
  const auto logits = torch::randn({5, 2, 3});
  auto masks = torch::ones({5, 2}, torch::kBool);
  masks[0][1] = false;
  const auto variance = moments_of(masks, logits).variance();
  EXPECT_TRUE(torch::isinf(variance[0]).all().item<bool>());
  EXPECT_TRUE(torch::isfinite(variance[1]).all().item<bool>());
}

}  // namespace
}  // namespace expunge
