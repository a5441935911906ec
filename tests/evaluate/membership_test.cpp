#include "expunge/evaluate/membership.h"

#include <gtest/gtest.h>

#include <random>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

constexpr int64_t kShadows = 60, kExamples = 40;

// Margins Normal(0, 1), and `gap` more where the model saw the example; each example is left out by a third.
struct ShadowModels {
  torch::Tensor masks, margins;

  explicit ShadowModels(float gap) {
    masks = torch::empty({kShadows, kExamples}, torch::kBool);
    margins = torch::empty({kShadows, kExamples}, torch::kFloat32);
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    for (int64_t i = 0; i < kShadows; ++i) {
      for (int64_t j = 0; j < kExamples; ++j) {
        const bool seen = (i + j) % 3 != 0;
        masks.data_ptr<bool>()[i * kExamples + j] = seen;
        margins.data_ptr<float>()[i * kExamples + j] = normal(engine) + (seen ? gap : 0);
      }
    }
  }
  [[nodiscard]] MembershipAudit audit(float before, float after) const {
    std::vector<int64_t> forget;
    for (int64_t j = 0; j < kExamples; ++j) forget.push_back(j);
    return audit_membership(masks, margins, torch::full({kExamples}, before),
                            torch::full({kExamples}, after), forget);
  }
};

TEST(Membership, ModelsWithAndWithoutAreToldApart) {
  const auto audit = ShadowModels(8).audit(8, 0);
  EXPECT_EQ(audit.examples, kExamples);
  EXPECT_EQ(audit.before, 1);
  EXPECT_EQ(audit.after, 0);
  EXPECT_LT(audit.left_out, 0.01);
  EXPECT_GT(audit.seen, 0.99);
}

TEST(Membership, WithoutAnEffectTheAttackGuesses) {
  const auto audit = ShadowModels(0).audit(0, 0);
  EXPECT_NEAR(audit.left_out, audit.seen, 0.1);
  EXPECT_NEAR(audit.seen, 0.5, 0.2);
}

TEST(Membership, AGapOfTwoIsRightAsOftenAsGaussiansSay) {
  // Phi(1) of either side are on their own side of the middle.
  const auto audit = ShadowModels(2).audit(2, 0);
  EXPECT_NEAR(audit.seen, 0.84, 0.04);
  EXPECT_NEAR(audit.left_out, 0.16, 0.05);
}

TEST(Membership, ExamplesThatAllModelsSawAreNotJudged) {
  ShadowModels models(8);
  models.masks.select(1, 3).fill_(true);
  EXPECT_EQ(models.audit(8, 0).examples, kExamples - 1);
  models.masks.fill_(true);
  const auto audit = models.audit(8, 0);
  EXPECT_EQ(audit.examples, 0);
  EXPECT_EQ(audit.before, 0);
}

TEST(Membership, RefusesWhatDoesNotFit) {
  const ShadowModels models(1);
  const auto one = torch::zeros({kExamples});
  const std::vector<int64_t> forget = {1};
  const auto refused = [&](const torch::Tensor& masks, const torch::Tensor& margins,
                           const torch::Tensor& before, std::vector<int64_t> examples) {
    return message_of<InputError>([&] { audit_membership(masks, margins, before, one, examples); });
  };
  EXPECT_NE(refused(models.masks.to(torch::kFloat32), models.margins, one, forget).find("masks"),
            std::string::npos);
  EXPECT_NE(
      refused(models.masks.narrow(0, 0, 9).contiguous(), models.margins, one, forget).find("masks"),
      std::string::npos);
  EXPECT_NE(refused(models.masks, models.margins, torch::zeros({3}), forget).find("before"),
            std::string::npos);
  EXPECT_NE(refused(models.masks, models.margins, one, {kExamples}).find("0 to 39"),
            std::string::npos);
  const auto nan = torch::full({kExamples}, std::numeric_limits<float>::quiet_NaN());
  EXPECT_THROW(audit_membership(models.masks, models.margins, nan, one, forget), NonFiniteError);
  auto broken = models.margins.clone();
  broken[2][1] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(audit_membership(models.masks, broken, one, one, forget), NonFiniteError);
}

}  // namespace
}  // namespace expunge
