// Mean and standard deviation against sums written out in double precision.
#include "expunge/data/normalisation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

Dataset dataset_of(const torch::Tensor& images) {
  return {"set", images, torch::zeros({images.size(0)}, torch::kInt64), {"a", "b"}};
}

// Compares with two plain passes over the values, in units in which `one` is 1.
void expect_plain_sums(const torch::Tensor& images, double one) {
  const auto data = dataset_of(images);
  const auto normalisation = normalisation_of(data);
  const auto result = normalised({data}, normalisation);
  ASSERT_EQ(result.sizes(), images.sizes());
  ASSERT_EQ(result.scalar_type(), torch::kFloat32);
  ASSERT_EQ(static_cast<int64_t>(normalisation.mean.size()), images.size(1));
  for (int64_t c = 0; c < images.size(1); ++c) {
    std::vector<double> values;
    const auto channel = images.select(1, c).to(torch::kFloat64).contiguous();
    for (int64_t k = 0; k < channel.numel(); ++k)
      values.push_back(channel.data_ptr<double>()[k] / one);
    double mean = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    double variance = 0;
    for (const double v : values)
      variance += (v - mean) * (v - mean) / static_cast<double>(values.size());
    const auto at = static_cast<size_t>(c);
    EXPECT_NEAR(normalisation.mean[at], mean, 1e-6 * (std::abs(mean) + 1));
    EXPECT_NEAR(normalisation.stddev[at], std::sqrt(variance), 1e-6 * std::sqrt(variance));
    const auto standardised = result.select(1, c).contiguous();
    for (size_t k = 0; k < values.size(); ++k) {
      ASSERT_NEAR(standardised.data_ptr<float>()[k], (values[k] - mean) / std::sqrt(variance),
                  2e-5);
    }
  }
}

TEST(Normalisation, OfBytesIsInUnitsOf255) {
  expect_plain_sums(torch::randint(0, 256, {20, 3, 5, 4}).to(torch::kUInt8), 255);
}

TEST(Normalisation, OfFloatsIsInTheirOwnUnits) {
  torch::manual_seed(1);
  const auto scale = torch::tensor({1.0F, 100.0F}).view({1, 2, 1, 1});
  expect_plain_sums(torch::randn({20, 2, 5, 4}) * scale + scale, 1);
}

TEST(Normalisation, EachChannelHasItsOwn) {
  auto images = torch::zeros({2, 2, 1, 2}, torch::kUInt8);
  images.select(1, 0).copy_(torch::tensor({0, 255, 255, 0}).view({2, 1, 2}));
  images.select(1, 1).copy_(torch::tensor({51, 51, 153, 153}).view({2, 1, 2}));
  const auto normalisation = normalisation_of(dataset_of(images));
  EXPECT_FLOAT_EQ(normalisation.mean[0], 0.5F);
  EXPECT_FLOAT_EQ(normalisation.stddev[0], 0.5F);
  EXPECT_FLOAT_EQ(normalisation.mean[1], 0.4F);
  EXPECT_FLOAT_EQ(normalisation.stddev[1], 0.2F);
}

// Its deviation from its own mean is rounding, which must not be blown up to standard size.
TEST(Normalisation, AChannelThatDoesNotVaryBecomesZeros) {
  for (int value = 0; value < 256; ++value) {
    for (const int64_t count : {1, 3, 7, 100}) {
      const auto data = dataset_of(torch::full({count, 1, 3, 7}, value, torch::kUInt8));
      const auto normalisation = normalisation_of(data);
      ASSERT_EQ(normalisation.stddev[0], 1.0F) << value << " " << count;
      ASSERT_LE(normalised({data}, normalisation).abs().max().item<float>(), 1e-6) << value;
    }
  }
  for (const float value : {0.1F, -1e20F, 1e-30F, 3.0e38F}) {
    const auto data = dataset_of(torch::full({7, 1, 3, 5}, value));
    const auto normalisation = normalisation_of(data);
    EXPECT_EQ(normalisation.stddev[0], 1.0F) << value;
    EXPECT_EQ(normalised({data}, normalisation).abs().max().item<float>(), 0) << value;
  }
}

TEST(Normalisation, AlmostNoVariationIsStillAFiniteOne) {
  auto images = torch::zeros({4, 1, 3, 5});
  images[0] = 1e-45F;  // the least float above 0
  const auto data = dataset_of(images);
  EXPECT_TRUE(torch::isfinite(normalised({data}, normalisation_of(data))).all().item<bool>());
}

TEST(Normalisation, TheImagesStayAsTheyWere) {
  const auto images = torch::randn({3, 1, 2, 2});
  const auto before = images.clone();
  const auto data = dataset_of(images);
  normalised({data}, normalisation_of(data));
  EXPECT_TRUE(torch::equal(images, before));
}

// More images than one block holds, and two sets: as in one expression over all of them.
TEST(Normalisation, OfManyImagesAndTwoSetsIsThatOfEach) {
  torch::manual_seed(2);
  for (const auto& images : {torch::randint(0, 256, {2300, 3, 2, 3}).to(torch::kUInt8),
                             torch::randn({2300, 3, 2, 3}) * 40 + 1000}) {
    const auto first = dataset_of(images), second = dataset_of(images.narrow(0, 17, 1001));
    const double one = images.scalar_type() == torch::kUInt8 ? 255 : 1;
    const auto values = images.to(torch::kFloat64) / one;
    const auto normalisation = normalisation_of(first);
    const auto result = normalised({first, second}, normalisation);
    ASSERT_EQ(result.size(0), 3301);
    EXPECT_TRUE(result.is_contiguous(at::MemoryFormat::ChannelsLast));
    const auto mean = values.mean({0, 2, 3}, true), variance = values.var({0, 2, 3}, false, true);
    const auto expected =
        (torch::cat({values, values.narrow(0, 17, 1001)}) - mean) / variance.sqrt();
    EXPECT_LT((result - expected).abs().max().item<double>(), 1e-4);
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_FLOAT_EQ(normalisation.mean[c], mean.flatten()[static_cast<int64_t>(c)].item<float>());
    }
  }
}

TEST(Normalisation, ChannelsMustFit) {
  const auto data = dataset_of(torch::zeros({3, 2, 2, 2}));
  EXPECT_EQ(message_of<InputError>([&] {
              normalised({data}, {{0}, {1}});
            }),
            "set: a normalisation of 2 channels required, got one of 1");
  EXPECT_EQ(message_of<InputError>([&] {
              normalised({data}, {{0, 0}, {1, 1, 1}});
            }),
            "set: a normalisation of 2 channels required, got one of 2");
}

}  // namespace
}  // namespace expunge
