#include "expunge/evaluate/margins.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

torch::Tensor random_logits(const std::vector<int64_t>& shape, double scale, unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(0, static_cast<float>(scale));
  torch::Tensor logits = torch::empty(shape, torch::kFloat32);
  for (int64_t i = 0; i < logits.numel(); ++i) logits.data_ptr<float>()[i] = normal(engine);
  return logits;
}

torch::Tensor random_labels(int64_t m, int64_t classes, unsigned seed) {
  std::mt19937 engine(seed);
  torch::Tensor labels = torch::empty({m}, torch::kInt64);
  for (int64_t j = 0; j < m; ++j)
    labels.data_ptr<int64_t>()[j] = static_cast<int64_t>(engine() % classes);
  return labels;
}

/// The definition in long double, point by point.
double margin_of(const torch::Tensor& logits, int64_t label) {
  const torch::Tensor z = logits.to(torch::kFloat64).contiguous();
  const double* p = z.data_ptr<double>();
  long double largest = -std::numeric_limits<long double>::infinity();
  for (int64_t c = 0; c < z.numel(); ++c) {
    if (c != label) largest = std::max<long double>(largest, p[c]);
  }
  long double sum = 0;
  for (int64_t c = 0; c < z.numel(); ++c) {
    if (c != label) sum += std::exp(p[c] - largest);
  }
  return static_cast<double>(p[label] - (largest + std::log(sum)));
}

void expect_margins(const torch::Tensor& logits, const torch::Tensor& labels) {
  const torch::Tensor got = margins(logits, labels);
  ASSERT_EQ(got.sizes(), torch::IntArrayRef({logits.size(0), logits.size(1)}));
  ASSERT_EQ(got.scalar_type(), torch::kFloat32);
  for (int64_t i = 0; i < logits.size(0); ++i) {
    for (int64_t j = 0; j < logits.size(1); ++j) {
      const double want = margin_of(logits[i][j], labels[j].item<int64_t>());
      EXPECT_NEAR(got[i][j].item<float>(), want, 3e-7 * (3 + std::abs(want))) << i << ", " << j;
    }
  }
}

TEST(Margins, AgreeWithTheDefinition) {
  for (const int64_t classes : {2, 3, 10, 37}) {
    expect_margins(random_logits({3, 41, classes}, 4, 1), random_labels(41, classes, 2));
  }
}

TEST(Margins, OfTwoClassesAreTheDifferenceOfTheLogits) {
  const torch::Tensor logits = torch::tensor({{1.5F, -2.25F}, {0.0F, 7.0F}});
  const torch::Tensor got = margins(logits, torch::tensor({0, 1}, torch::kInt64));
  ASSERT_EQ(got.dim(), 1);
  EXPECT_EQ(got[0].item<float>(), 3.75F);
  EXPECT_EQ(got[1].item<float>(), 7.0F);
}

TEST(Margins, StayExactWhereExpWouldOverflowOrVanish) {
  for (const float offset : {-3e4F, -200.0F, 200.0F, 3e4F}) {
    // Offsets and logits are multiples of 1/64, so that adding them is exact.
    const torch::Tensor logits = (random_logits({2, 30, 5}, 3, 3) * 64).round() / 64;
    const torch::Tensor labels = random_labels(30, 5, 4);
    EXPECT_TRUE(torch::equal(margins(logits, labels), margins(logits + offset, labels)));
  }
  const torch::Tensor apart = torch::tensor({{500.0F, -500.0F, -500.0F}, {-500.0F, 500.0F, 0.0F}});
  const torch::Tensor got = margins(apart, torch::zeros({2}, torch::kInt64));
  EXPECT_NEAR(got[0].item<float>(), 1000 - std::log(2.0), 1e-4);
  EXPECT_EQ(got[1].item<float>(), -1000);
}

TEST(Margins, ReadEveryFiniteHalfExactly) {
  // Two classes of which one is 0: the margin of the other is its logit, exact in float32.
  torch::Tensor logits = torch::zeros({65536, 2}, torch::kFloat16);
  auto* bits = static_cast<uint16_t*>(logits.data_ptr());
  for (int64_t i = 0; i < 65536; ++i)
    bits[2 * i] = (i & 0x7C00) == 0x7C00 ? 0 : static_cast<uint16_t>(i);
  const torch::Tensor got = margins(logits, torch::zeros({65536}, torch::kInt64));
  EXPECT_TRUE(torch::equal(got, logits.select(1, 0).to(torch::kFloat32)));
}

TEST(Margins, OfHalvesAreThoseOfTheSameNumbersInFloat) {
  const torch::Tensor half = random_logits({7, 600, 10}, 5, 5).to(torch::kFloat16);
  const torch::Tensor labels = random_labels(600, 10, 6);
  EXPECT_TRUE(torch::equal(margins(half, labels), margins(half.to(torch::kFloat32), labels)));
}

TEST(Margins, DoNotDependOnWorkersOrStrides) {
  // Several blocks, whose borders fall inside models and points of different rows.
  const torch::Tensor logits = random_logits({13, 1777, 10}, 5, 7);
  const torch::Tensor labels = random_labels(1777, 10, 8);
  const torch::Tensor one = margins(logits, labels, 1);
  EXPECT_TRUE(torch::equal(one, margins(logits, labels, 2)));
  EXPECT_TRUE(torch::equal(one, margins(logits, labels, 5)));
  const torch::Tensor strided = logits.permute({2, 0, 1}).contiguous().permute({1, 2, 0});
  ASSERT_FALSE(strided.is_contiguous());
  EXPECT_TRUE(torch::equal(one, margins(strided, labels)));
  EXPECT_TRUE(torch::equal(one[4], margins(logits[4], labels)));
}

TEST(Margins, NameTheModelPointAndClassOfANonFiniteLogit) {
  const torch::Tensor labels = random_labels(5000, 3, 9);
  for (const float bad : {kInfinity, -kInfinity, std::nanf("")}) {
    for (const auto dtype : {torch::kFloat32, torch::kFloat16}) {
      torch::Tensor logits = random_logits({4, 5000, 3}, 1, 10);
      logits[2][4321][1] = bad;
      EXPECT_EQ(message_of<NonFiniteError>([&] { margins(logits.to(dtype), labels); }),
                "logits: model 2, point 4321, class 1 is NaN or infinite");
    }
  }
}

TEST(Margins, NameThePointOfALabelOutOfRange) {
  torch::Tensor labels = random_labels(9, 4, 11);
  labels[6] = 4;
  EXPECT_EQ(message_of<InputError>([&] {
              margins(random_logits({2, 9, 4}, 1, 12), labels);
            }),
            "labels: point 6 has label 4, expected 0 to 3 as logits have 4 classes");
  labels[6] = -1;
  EXPECT_THROW(margins(random_logits({2, 9, 4}, 1, 12), labels), InputError);
}

TEST(Margins, RefuseWrongShapesAndDtypes) {
  const torch::Tensor logits = random_logits({2, 9, 4}, 1, 13);
  const torch::Tensor labels = random_labels(9, 4, 14);
  EXPECT_THROW(margins(logits[0][0], labels), InputError);
  EXPECT_THROW(margins(logits.slice(2, 0, 1), torch::zeros({9}, torch::kInt64)), InputError);
  EXPECT_THROW(margins(logits.to(torch::kFloat64), labels), InputError);
  EXPECT_THROW(margins(logits, labels.to(torch::kInt32)), InputError);
  EXPECT_EQ(message_of<InputError>([&] { margins(logits, labels.slice(0, 0, 8)); }),
            "labels: expected shape (9) as logits have 9 points, got [8]");
}

}  // namespace
}  // namespace expunge
