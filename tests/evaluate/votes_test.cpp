#include "expunge/evaluate/votes.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "nan.h"

namespace expunge {
namespace {

// Of four models on point 1: classes 2, 2, 0 and 1.
torch::Tensor four_votes() {
  auto logits = torch::zeros({4, 2, 3});
  logits[0][1][2] = 5;
  logits[1][1][2] = 1;
  logits[3][1][1] = 2;
  return logits;
}

TEST(FavouriteClass, IsTheOneThatMostAskedModelsPredict) {
  const auto all = torch::ones({4}, torch::kBool);
  for (const auto dtype : {torch::kFloat32, torch::kFloat16}) {
    const auto got = favourite_class(four_votes().to(dtype), all, 1, 0);
    EXPECT_EQ(got.label, 2);
    EXPECT_EQ(got.votes, 2);
    EXPECT_EQ(got.of, 4);
    EXPECT_EQ(got.agree, 1);
  }
  auto last = torch::zeros({4}, torch::kBool);
  last[2] = true;
  last[3] = true;
  const auto tie = favourite_class(four_votes(), last, 1, 2);
  EXPECT_EQ(tie.label, 0);
  EXPECT_EQ(tie.votes, 1);
  EXPECT_EQ(tie.of, 2);
  EXPECT_EQ(tie.agree, 0);
}

TEST(FavouriteClass, RefusesBadInput) {
  const auto all = torch::ones({4}, torch::kBool);
  EXPECT_THROW(favourite_class(four_votes(), all, 2, 0), InputError);
  EXPECT_THROW(favourite_class(four_votes(), all, 1, 3), InputError);
  EXPECT_THROW(favourite_class(four_votes(), torch::zeros({4}, torch::kBool), 1, 0), InputError);
  EXPECT_THROW(favourite_class(four_votes(), all.slice(0, 1), 1, 0), InputError);
  EXPECT_THROW(favourite_class(four_votes()[0], all, 1, 0), InputError);
  auto broken = four_votes();
  broken[3][1][0] = kNan;
  EXPECT_SAYS(message_of<NonFiniteError>([&] { favourite_class(broken, all, 1, 0); }), "model 3");
}

}  // namespace
}  // namespace expunge
