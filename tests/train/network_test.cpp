// Forward and backward passes against LibTorch's own operations with automatic differentiation, and
// against finite differences.
#include "expunge/train/network.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/train/loss.h"
#include "expunge/train/networks.h"

namespace expunge {
namespace {

std::unique_ptr<LayeredNetwork> make(NetworkKind kind, const NetworkShape& shape,
                                     double width = 0.125) {
  NetworkOptions options{
      .kind = kind, .hidden = {7, 5}, .width = width, .dtype = DtypeKind::float64};
  auto network = make_network(options, shape);
  network->initialise(3);
  return network;
}

torch::Tensor images(int64_t count, const NetworkShape& s) {
  return torch::randn({count, s.channels, s.height, s.width}, torch::kFloat64)
      .contiguous(at::MemoryFormat::ChannelsLast);
}

double loss_of(Network& network, const torch::Tensor& x, const torch::Tensor& y, Mode mode) {
  const auto logits = network.forward(x, mode).clone();
  auto gradient = torch::empty_like(logits);
  return cross_entropy(logits, y, gradient);
}

class EveryNetwork : public testing::TestWithParam<std::tuple<NetworkKind, Mode>> {};

TEST_P(EveryNetwork, GradientIsTheLimitOfDifferences) {
  torch::manual_seed(1);
  const auto [kind, mode] = GetParam();
  const NetworkShape shape{2, 12, 14, 4};
  auto network = make(kind, shape);
  const auto x = images(3, shape);
  const auto y = torch::tensor({0, 3, 1}, torch::kInt64);
  // Away from the zero of every ReLU steps of 1e-8 cross no kink.
  const auto logits = network->forward(x, mode);
  auto logit_gradient = torch::empty_like(logits);
  cross_entropy(logits, y, logit_gradient);
  network->backward(logit_gradient);
  const auto gradient = network->gradient().clone();
  auto parameters = network->parameters();
  const int64_t p = parameters.numel();
  const auto direction = torch::randn({p}, torch::kFloat64);
  const auto start = parameters.clone();
  const double h = 1e-8;
  parameters.copy_(start + h * direction);
  const double up = loss_of(*network, x, y, mode);
  parameters.copy_(start - h * direction);
  const double down = loss_of(*network, x, y, mode);
  const double expected = gradient.dot(direction).item<double>();
  EXPECT_NEAR((up - down) / (2 * h), expected, 1e-6 * (1 + std::abs(expected)));
  EXPECT_GT(gradient.abs().max().item<double>(), 0);
}

INSTANTIATE_TEST_SUITE_P(AllKinds, EveryNetwork,
                         testing::Combine(testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                                          NetworkKind::resnet9,
                                                          NetworkKind::resnet18),
                                          testing::Values(Mode::train, Mode::eval)));

TEST(Network, MlpIsTheFormula) {
  const NetworkShape shape{1, 2, 3, 4};
  auto network = make(NetworkKind::mlp, shape);
  const auto state = network->state();
  ASSERT_EQ(state.size(), 6U);
  EXPECT_EQ(state[0].first, "1.weight");
  EXPECT_EQ(state[5].first, "5.bias");
  const auto x = torch::randn({5, 1, 2, 3}, torch::kFloat64);
  auto h = x.flatten(1);
  h = (h.matmul(state[0].second.t()) + state[1].second).relu();
  h = (h.matmul(state[2].second.t()) + state[3].second).relu();
  h = h.matmul(state[4].second.t()) + state[5].second;
  EXPECT_TRUE(torch::allclose(network->forward(x, Mode::eval), h, 1e-12, 1e-12));
}

TEST(Network, ResNet9IsTheFormula) {
  const NetworkShape shape{3, 32, 32, 10};
  auto network = make(NetworkKind::resnet9, shape);
  auto forward = [&](const torch::Tensor& x0) {
    size_t at = 0;
    const auto state = network->state();
    // The next convolution with its BatchNorm by running statistics and its ReLU.
    const auto block = [&](const torch::Tensor& x, int64_t stride, int64_t padding) {
      const auto w = state.at(at).second;
      auto z = at::conv2d(x, w, {}, {stride, stride}, {padding, padding});
      const auto channel = [](const torch::Tensor& v) { return v.view({1, -1, 1, 1}); };
      z = (z - channel(state.at(at + 3).second)) / (channel(state.at(at + 4).second) + 1e-5).sqrt();
      z = z * channel(state.at(at + 1).second) + channel(state.at(at + 2).second);
      at += 5;
      return z.relu();
    };
    auto x = block(x0, 1, 1);
    x = block(x, 2, 2);
    x = x + block(block(x, 1, 1), 1, 1);
    x = block(x, 1, 1);
    x = at::max_pool2d(x, {2, 2});
    x = x + block(block(x, 1, 1), 1, 1);
    x = block(x, 1, 0);
    x = x.amax({2, 3});
    return 0.2 * x.matmul(state.at(at).second.t());
  };
  auto parameters = network->parameters();
  const auto x = images(2, shape);
  network->forward(x, Mode::train);  // moves the running statistics off their start
  EXPECT_TRUE(torch::allclose(network->forward(x, Mode::eval), forward(x), 1e-9, 1e-9));
}

TEST(Network, ResNet9HasThePapersNumberOfParameters) {
  const auto network = make_network({.kind = NetworkKind::resnet9}, {3, 32, 32, 10});
  // conv 3*64*9 + 64*128*25 + 2*128*128*9 + 128*256*9 + 2*256*256*9 + 256*128*9, BatchNorm 2 * 1344,
  // linear 128*10.
  EXPECT_EQ(network->parameters().numel(),
            1728 + 204800 + 294912 + 294912 + 1179648 + 294912 + 2688 + 1280);
}

TEST(Network, ResNet18IsTheFormula) {
  const NetworkShape shape{3, 40, 36, 10};
  auto network = make(NetworkKind::resnet18, shape);
  const auto forward = [&](const torch::Tensor& x0) {
    size_t at = 0;
    const auto state = network->state();
    // The next convolution with its BatchNorm by running statistics.
    const auto normed = [&](const torch::Tensor& x, int64_t stride, int64_t padding) {
      auto z = at::conv2d(x, state.at(at).second, {}, {stride, stride}, {padding, padding});
      const auto channel = [](const torch::Tensor& v) { return v.view({1, -1, 1, 1}); };
      z = (z - channel(state.at(at + 3).second)) / (channel(state.at(at + 4).second) + 1e-5).sqrt();
      z = z * channel(state.at(at + 1).second) + channel(state.at(at + 2).second);
      at += 5;
      return z;
    };
    auto x = normed(x0, 2, 3).relu();
    x = at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
    for (const int64_t stride : {1, 2, 2, 2}) {
      const auto through = normed(normed(x, stride, 1).relu(), 1, 1);
      x = ((stride == 1 ? x : normed(x, stride, 0)) + through).relu();
      x = (x + normed(normed(x, 1, 1).relu(), 1, 1)).relu();
    }
    x = x.mean({2, 3});
    return x.matmul(state.at(at).second.t()) + state.at(at + 1).second;
  };
  const auto x = images(2, shape);
  network->forward(x, Mode::train);  // moves the running statistics off their start
  EXPECT_TRUE(torch::allclose(network->forward(x, Mode::eval), forward(x), 1e-9, 1e-9));
}

TEST(Network, ResNet18HasTheNumberOfParametersOfOthers) {
  const auto network = make_network({.kind = NetworkKind::resnet18}, {3, 64, 64, 1000});
  EXPECT_EQ(network->parameters().numel(), 11689512);  // torchvision's
}

TEST(Network, FirstParametersComeFromTheSeedAlone) {
  const NetworkShape shape{1, 4, 4, 3};
  auto a = make(NetworkKind::mlp, shape);
  auto b = make(NetworkKind::mlp, shape);
  EXPECT_TRUE(torch::equal(a->parameters(), b->parameters()));
  b->initialise(4);
  EXPECT_FALSE(torch::equal(a->parameters(), b->parameters()));
  const double bound = 1.0 / 4;  // 1 / sqrt(16)
  const auto weight = a->state()[0].second;
  EXPECT_LE(weight.abs().max().item<double>(), bound);
  EXPECT_GT(weight.abs().max().item<double>(), 0.9 * bound);
}

TEST(Network, CloneIsEqualAndApart) {
  auto a = make(NetworkKind::convnet, {1, 8, 8, 3});
  a->forward(images(4, {1, 8, 8, 3}), Mode::train);
  const auto b = a->clone();
  const auto x = images(2, {1, 8, 8, 3});
  EXPECT_TRUE(torch::equal(a->forward(x, Mode::eval), b->forward(x, Mode::eval)));
  a->parameters().zero_();
  EXPECT_GT(b->parameters().abs().max().item<double>(), 0);
}

TEST(Network, EvalLogitsOfAPointDoNotDependOnItsBatch) {
  auto network = make(NetworkKind::convnet, {1, 8, 8, 3});
  network->forward(images(6, {1, 8, 8, 3}), Mode::train);
  const auto x = images(5, {1, 8, 8, 3});
  const auto together = evaluate_logits(*network, x, 5);
  const auto apart = evaluate_logits(*network, x, 1);
  EXPECT_TRUE(torch::allclose(together, apart, 1e-12, 1e-12));
}

TEST(Network, FeaturesAreWhatTheLastLayerMakesLogitsOf) {
  torch::manual_seed(5);
  for (const auto kind :
       {NetworkKind::mlp, NetworkKind::convnet, NetworkKind::resnet9, NetworkKind::resnet18}) {
    const NetworkShape shape{2, 12, 13, 4};
    auto network = make(kind, shape);
    network->forward(images(6, shape), Mode::train);
    const auto x = images(5, shape);
    const auto features = evaluate_features(*network, x, 2);
    ASSERT_EQ(features.dim(), 2);
    const auto state = network->state();
    const bool has_bias = kind != NetworkKind::resnet9;
    auto weight = state.at(state.size() - (has_bias ? 2 : 1)).second;
    EXPECT_EQ(features.sizes(), at::IntArrayRef({5, weight.size(1)}));
    auto logits = features.matmul(weight.t());
    if (has_bias) logits += state.back().second;
    if (kind == NetworkKind::resnet9) logits *= 0.2;
    EXPECT_TRUE(torch::allclose(evaluate_logits(*network, x), logits, 1e-12, 1e-12));
  }
}

TEST(Network, FeaturesOfALinearModelAreItsInputs) {
  auto network = make_network({.kind = NetworkKind::mlp, .hidden = {}}, {1, 2, 3, 4});
  network->initialise(3);
  auto x = torch::randn({5, 1, 2, 3});
  EXPECT_TRUE(torch::equal(evaluate_features(*network, x), x.flatten(1)));
  x[3].fill_(std::numeric_limits<float>::infinity());
  EXPECT_THROW(
      {
        try {
          evaluate_features(*network, x, 2);
        } catch (const NonFiniteError& error) {
          EXPECT_STREQ(error.what(), "features of input 3 are not finite");
          throw;
        }
      },
      NonFiniteError);
}

TEST(Network, StateThatDoesNotFitIsRefusedByName) {
  auto network = make(NetworkKind::mlp, {1, 2, 2, 3});
  auto state = network->state();
  const auto message = [&](const NamedTensors& s) {
    try {
      load_state(*network, s, "w.safetensors");
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  auto missing = state;
  missing.pop_back();
  EXPECT_EQ(message(missing), "w.safetensors: tensor \"5.bias\" required, not there");
  auto extra = state;
  extra.emplace_back("6.bias", torch::zeros({1}));
  EXPECT_EQ(message(extra), "w.safetensors: tensor \"6.bias\" does not belong to this network");
  auto other = state;
  other[0].second = torch::zeros({7, 5});
  EXPECT_EQ(message(other),
            "w.safetensors: tensor \"1.weight\" of shape (7, 4) required, got (7, 5)");
}

TEST(Network, NonFiniteLogitsNameTheInput) {
  auto network = make(NetworkKind::mlp, {1, 2, 2, 3});
  auto x = torch::zeros({4, 1, 2, 2}, torch::kFloat64);
  x[2].fill_(std::numeric_limits<double>::quiet_NaN());
  EXPECT_THROW(
      {
        try {
          evaluate_logits(*network, x);
        } catch (const NonFiniteError& error) {
          EXPECT_STREQ(error.what(), "logits of input 2 are not finite");
          throw;
        }
      },
      NonFiniteError);
}

TEST(Network, ImagesTooSmallForResNet9AreRefused) {
  EXPECT_THROW(make_network({.kind = NetworkKind::resnet9}, {3, 8, 32, 10}), InputError);
  const auto smallest = make(NetworkKind::resnet9, {3, 12, 12, 10});
  EXPECT_EQ(smallest->forward(images(2, {3, 12, 12, 10}), Mode::eval).sizes(),
            at::IntArrayRef({2, 10}));
}

}  // namespace
}  // namespace expunge
