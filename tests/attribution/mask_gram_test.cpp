#include "expunge/attribution/mask_gram.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(MaskDesign, IsTheProductOfCentredMasks) {
  torch::manual_seed(4);
  for (const int64_t n : {1, 63, 64, 65, 200}) {
    auto masks = torch::rand({7, n}) < 0.6;
    masks[0].fill_(true);
    masks[1].fill_(false);
    const auto design = mask_design(masks, 2);
    const auto a = masks.to(torch::kFloat64);
    EXPECT_NEAR(design.alpha, a.mean().item<double>(), 1e-15);
    const auto centred = a - a.mean();
    EXPECT_TRUE(at::allclose(design.gram, centred.matmul(centred.t()), 1e-12, 1e-12)) << n;
  }
}

TEST(MaskDesign, TakesMasksThatAreViews) {
  torch::manual_seed(4);
  const auto transposed = torch::rand({30, 5}) < 0.5;
  EXPECT_TRUE(
      at::equal(mask_design(transposed.t()).gram, mask_design(transposed.t().clone()).gram));
}

TEST(MaskDesign, RefusesMasksWithoutContrast) {
  EXPECT_THROW(mask_design(torch::ones({5, 9}, torch::kBool)), InputError);
  EXPECT_THROW(mask_design(torch::zeros({5, 9}, torch::kBool)), InputError);
  EXPECT_THROW(mask_design(torch::ones({1, 9}, torch::kBool)), InputError);
  EXPECT_THROW(mask_design(torch::ones({5, 9})), InputError);
}

TEST(VaryingExamples, AreThoseSeenBySomeModelsOnly) {
  auto masks = torch::zeros({3, 4}, torch::kBool);
  masks.select(1, 1).fill_(true);
  masks[0][2] = true;
  const auto varying = varying_examples(masks);
  EXPECT_FALSE(varying[0].item<bool>());
  EXPECT_FALSE(varying[1].item<bool>());
  EXPECT_TRUE(varying[2].item<bool>());
}

}  // namespace
}  // namespace expunge
