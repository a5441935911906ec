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

TEST(MaskDesign, IsFactorisedWithThePenalty) {
  torch::manual_seed(4);
  const auto design = mask_design(torch::rand({9, 40}) < 0.7);
  const auto factor = factorised(design, 2.5);
  const auto system = design.gram + 2.5 * torch::eye(9, torch::kFloat64);
  EXPECT_TRUE(at::allclose(factor.matmul(factor.t()), system, 1e-12, 1e-12));
  EXPECT_TRUE(at::equal(factor, factor.tril()));
  EXPECT_THROW(factorised(design, -1e3), InputError);
}

TEST(RequireVarying, NamesTheFirstExampleThatAllModelsSawOrNone) {
  auto masks = torch::zeros({3, 5}, torch::kBool);
  masks.select(1, 1).fill_(true);
  masks[0][2] = true;
  masks[1][4] = masks[2][4] = true;
  const auto message = [&](const std::vector<int64_t>& examples) {
    try {
      require_varying(masks, examples);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_EQ(message({2, 4}), "");
  EXPECT_NE(message({2, 3, 1}).find("example 3 "), std::string::npos);
  EXPECT_NE(message({2, 3, 1}).find("0 of 3"), std::string::npos);
  EXPECT_NE(message({4, 1, 0}).find("example 1 "), std::string::npos);
  EXPECT_NE(message({4, 1, 0}).find("3 of 3"), std::string::npos);
  EXPECT_THROW(require_varying(masks), InputError);
  const auto some = masks.index_select(1, torch::tensor({2, 4}, torch::kInt64));
  EXPECT_NO_THROW(require_varying(some));
}

TEST(LeftOut, IsWhatAMaskLeavesOut) {
  const auto masks = torch::tensor({1, 0, 0, 1, 1, 0}).view({2, 3}).to(torch::kBool);
  EXPECT_EQ(left_out(masks), (std::vector<std::vector<int64_t>>{{1, 2}, {2}}));
}

}  // namespace
}  // namespace expunge
