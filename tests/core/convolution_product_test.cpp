#include "expunge/core/convolution_product.h"

#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include <thread>

namespace expunge {
namespace {

struct Case {
  int64_t samples, in, out, height, width, kernel;
  ConvolutionGeometry geometry;
};

// Those that Winograd's algorithm is for, with tiles that hang over the edge and more samples than are taken at once, and
// neighbours that it is not for.
const std::vector<Case> kCases = {
    {3, 64, 64, 8, 8, 3, {1, 1}},    {2, 64, 128, 7, 5, 3, {1, 1}}, {1, 128, 80, 4, 4, 3, {1, 1}},
    {21, 80, 80, 32, 32, 3, {1, 1}}, {5, 96, 64, 9, 16, 3, {1, 1}}, {2, 64, 64, 3, 8, 3, {1, 1}},
    {2, 3, 64, 8, 8, 3, {1, 1}},     {2, 72, 64, 8, 8, 3, {1, 1}},  {2, 64, 64, 8, 8, 3, {2, 1}},
    {2, 64, 64, 8, 8, 3, {1, 0}},    {2, 64, 64, 8, 8, 1, {1, 0}},  {2, 64, 64, 9, 9, 5, {1, 2}}};

torch::Tensor drawn(at::IntArrayRef sizes, bool channels_last) {
  auto array = at::randn(sizes);
  return channels_last ? array.contiguous(at::MemoryFormat::ChannelsLast) : array;
}

double relative_error(const torch::Tensor& found, const torch::Tensor& expected) {
  return ((found.to(torch::kFloat64) - expected).abs().max() / expected.abs().max()).item<double>();
}

class ConvolutionProduct : public testing::TestWithParam<std::tuple<Case, bool>> {};

TEST_P(ConvolutionProduct, AndGradientsAreThoseOfSumsInFloat64) {
  const auto& [c, channels_last] = GetParam();
  at::manual_seed(7);
  const auto x = drawn({c.samples, c.in, c.height, c.width}, channels_last);
  const auto weight = at::randn({c.out, c.in, c.kernel, c.kernel});
  const auto g = c.geometry;
  const auto exact =
      at::convolution(x.to(torch::kFloat64), weight.to(torch::kFloat64), {}, {g.stride, g.stride},
                      {g.padding, g.padding}, {1, 1}, false, {0, 0}, 1);
  const auto y = convolution_product(x, weight, g);
  ASSERT_EQ(y.sizes(), exact.sizes());
  EXPECT_LT(relative_error(y, exact), 1e-5);

  const auto above = drawn(exact.sizes(), channels_last);
  const auto [of_x, of_weight, of_bias] = at::convolution_backward(
      above.to(torch::kFloat64), x.to(torch::kFloat64), weight.to(torch::kFloat64), {},
      {g.stride, g.stride}, {g.padding, g.padding}, {1, 1}, false, {0, 0}, 1, {true, true, false});
  auto weight_gradient = at::empty_like(weight).fill_(1e30);
  const auto input_gradient = convolution_gradients(above, x, weight, g, true, &weight_gradient);
  EXPECT_LT(relative_error(input_gradient, of_x), 1e-5);
  EXPECT_LT(relative_error(weight_gradient, of_weight), 1e-5);

  EXPECT_TRUE(convolution_gradients(above, x, weight, g, true, nullptr).equal(input_gradient));
  auto alone = at::empty_like(weight);
  EXPECT_FALSE(convolution_gradients(above, x, weight, g, false, &alone).defined());
  EXPECT_TRUE(alone.equal(weight_gradient));
}

INSTANTIATE_TEST_SUITE_P(Shapes, ConvolutionProduct,
                         testing::Combine(testing::ValuesIn(kCases), testing::Bool()));

TEST(ConvolutionProductOfThreads, IsTheSameOnTwoAtOnce) {
  at::manual_seed(8);
  const auto x = drawn({4, 64, 16, 16}, true);
  const auto weight = at::randn({64, 64, 3, 3});
  const auto expected = convolution_product(x, weight, {1, 1});
  std::vector<int> same(2, 0);
  std::vector<std::thread> threads;
  for (int& count : same) {
    threads.emplace_back([&] {
      for (int k = 0; k < 50; ++k) count += convolution_product(x, weight, {1, 1}).equal(expected);
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(same, (std::vector<int>{50, 50}));
}

}  // namespace
}  // namespace expunge
