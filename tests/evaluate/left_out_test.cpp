// Means, standard errors and rankings against ones written out example by example, and against what
// the margins were made with.
#include "expunge/evaluate/left_out.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

struct Memorised {
  torch::Tensor masks;    // (N, n)
  torch::Tensor margins;  // (N, m)
  torch::Tensor without;  // (n) expected margin of a model that did not see the example
};

// Models that see an example give it 3 nats more and vary less.
Memorised memorised(int64_t models, int64_t n, int64_t m) {
  torch::manual_seed(4);
  Memorised made{torch::rand({models, n}) < 0.8, torch::randn({models, m}), torch::randn({n}) * 4};
  // Whatever the draw, every example has models that saw it and models that did not.
  for (int64_t row = 0; row < 4; ++row) made.masks[row].fill_(row < 2);
  const auto seen = made.masks.to(torch::kFloat32);
  auto part = made.margins.slice(1, 0, n);
  part.mul_(2 - seen).add_(made.without + 3 * seen);
  return made;
}

TEST(LeftOutMargins, AreThoseOfTheTwoGroupsOfModels) {
  const auto e = memorised(40, 300, 310);
  const auto got = left_out_margins(e.masks, e.margins);
  const auto y = e.margins.to(torch::kFloat64);
  for (const int64_t i : {0, 17, 299}) {
    const auto out = y.select(1, i).masked_select(e.masks.select(1, i).logical_not());
    const auto in = y.select(1, i).masked_select(e.masks.select(1, i));
    const auto count = [](const torch::Tensor& x) { return static_cast<double>(x.size(0)); };
    const double out2 = out.var().item<double>() / count(out);
    const double in2 = in.var().item<double>() / count(in);
    EXPECT_NEAR(got.margin[i].item<double>(), out.mean().item<double>(), 1e-10);
    EXPECT_NEAR(got.margin_error[i].item<double>(), std::sqrt(out2), 1e-10);
    EXPECT_NEAR(got.probability[i].item<double>(), out.sigmoid().mean().item<double>(), 1e-10);
    EXPECT_NEAR(got.own_effect[i].item<double>(), (in.mean() - out.mean()).item<double>(), 1e-10);
    EXPECT_NEAR(got.own_effect_error[i].item<double>(), std::sqrt(in2 + out2), 1e-10);
    EXPECT_EQ(got.models_without[i].item<double>(), count(out));
  }
}

TEST(LeftOutMargins, StandardErrorsCoverTheTruth) {
  const auto e = memorised(100, 2000, 2000);
  const auto got = left_out_margins(e.masks, e.margins);
  const auto share = [](const torch::Tensor& off, const torch::Tensor& error) {
    return (off.abs() < 1.96 * error).to(torch::kFloat64).mean().item<double>();
  };
  // About 20 models left an example out: Student's t of 19 degrees of freedom gives 0.935.
  EXPECT_NEAR(share(got.margin - e.without, got.margin_error), 0.935, 0.02);
  EXPECT_NEAR(share(got.own_effect - 3, got.own_effect_error), 0.94, 0.02);
}

TEST(LeftOutMargins, DoNotDependOnWorkers) {
  const auto e = memorised(30, 1000, 1000);
  EXPECT_TRUE(at::equal(left_out_margins(e.masks, e.margins, 1).own_effect,
                        left_out_margins(e.masks, e.margins, 3).own_effect));
}

TEST(LeftOutMargins, RefuseBadInput) {
  const auto e = memorised(20, 30, 40);
  const auto refuse = [](const torch::Tensor& masks, const torch::Tensor& margins,
                         const std::string& says) {
    EXPECT_SAYS(message_of<InputError>([&] { left_out_margins(masks, margins); }), says);
  };
  refuse(e.masks.to(torch::kFloat32), e.margins, "masks");
  refuse(e.masks, e.margins.slice(1, 0, 29), "at least 30 points");
  refuse(e.masks, e.margins.slice(0, 1), "(20, points)");
  refuse(e.masks, e.margins.to(torch::kFloat64), "float32");
  auto one = e.masks.clone();
  one.select(1, 7).fill_(true);
  one[3][7] = false;
  refuse(one, e.margins, "training example 7: at least 2 models that saw it and 2 that did not");
  auto broken = e.margins.clone();
  broken[5][6] = kNan;
  EXPECT_SAYS(message_of<NonFiniteError>([&] { left_out_margins(e.masks, broken); }),
              "model 5, point 6");
  broken = e.margins.clone();
  broken[5][35] = kNan;  // no training example
  EXPECT_NO_THROW(left_out_margins(e.masks, broken));
}

TEST(Detection, CountsTheWrongAmongAsManyAndTheirPairs) {
  const auto suspicion = torch::tensor({5.0, 1.0, 4.0, 4.0, 0.0}, torch::kFloat64);
  const auto wrong = torch::tensor({1, 0, 0, 1, 0}).to(torch::kBool);
  EXPECT_EQ(most_suspicious(suspicion, 3), (std::vector<int64_t>{0, 2, 3}));
  const auto got = detection_of(suspicion, wrong);
  EXPECT_EQ(got.count, 2);
  EXPECT_EQ(got.found, 1);
  EXPECT_EQ(got.precision, 0.5);
  EXPECT_NEAR(got.auc, 5.5 / 6, 1e-12);  // six pairs, one a tie
}

TEST(Detection, RefusesBadInput) {
  const auto suspicion = torch::tensor({5.0, 1.0}, torch::kFloat64);
  EXPECT_THROW(most_suspicious(suspicion, 0), InputError);
  EXPECT_THROW(most_suspicious(suspicion, 3), InputError);
  EXPECT_THROW(most_suspicious(suspicion * kNan, 1), NonFiniteError);
  EXPECT_THROW(most_suspicious(suspicion.to(torch::kFloat32), 1), InputError);
  EXPECT_THROW(detection_of(suspicion, torch::zeros({2}, torch::kBool)), InputError);
  EXPECT_THROW(detection_of(suspicion, torch::ones({3}, torch::kBool)), InputError);
}

}  // namespace
}  // namespace expunge
