#include "expunge/train/autograd_network.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

// One hidden layer, BatchNorm by hand in it, and a parameter that nothing depends on.
class HandWritten final : public AutogradNetwork {
 public:
  explicit HandWritten(NamedTensors tensors)
      : AutogradNetwork(tensors), tensors_(std::move(tensors)) {}
  using AutogradNetwork::detach_parameters;
  [[nodiscard]] NamedTensors state() const override { return tensors_; }
  [[nodiscard]] std::unique_ptr<Network> clone() const override { return nullptr; }
  int calls = 0;

 private:
  torch::Tensor call(const torch::Tensor& x, Mode mode) override {
    ++calls;
    const auto hidden = torch::tanh(x.matmul(tensors_[0].second));
    const auto scaled = mode == Mode::train ? hidden - hidden.mean(0, true) : hidden;
    return scaled.matmul(tensors_[1].second);
  }
  NamedTensors tensors_;
};

NamedTensors three_tensors(torch::ScalarType dtype = torch::kFloat64) {
  torch::manual_seed(1);
  const auto options = torch::TensorOptions(dtype);
  return {{"first", torch::randn({4, 5}, options).requires_grad_(true)},
          {"second", torch::randn({5, 3}, options).requires_grad_(true)},
          {"unused", torch::randn({2}, options).requires_grad_(true)}};
}

torch::Tensor finite_differences(Network& network, const torch::Tensor& x, const torch::Tensor& g,
                                 Mode mode) {
  auto parameters = network.parameters();
  const auto slope = torch::empty_like(parameters);
  constexpr double step = 1e-6;
  const auto value = [&] { return (network.forward(x, mode) * g).sum().item<double>(); };
  for (int64_t i = 0; i < parameters.numel(); ++i) {
    const double before = parameters[i].item<double>();
    parameters[i] = before + step;
    const double up = value();
    parameters[i] = before - step;
    const double down = value();
    parameters[i] = before;
    slope[i] = (up - down) / (2 * step);
  }
  return slope;
}

TEST(AutogradNetwork, GradientIsThatOfFiniteDifferencesInBothModes) {
  HandWritten network(three_tensors());
  const auto x = torch::randn({6, 4}, torch::kFloat64);
  const auto g = torch::randn({6, 3}, torch::kFloat64);
  for (const auto mode : {Mode::eval, Mode::train}) {
    const auto expected = finite_differences(network, x, g, mode);
    network.forward(x, mode);
    network.backward(g);
    EXPECT_TRUE(torch::allclose(network.gradient(), expected, 1e-6, 1e-7))
        << network.gradient() - expected;
    EXPECT_EQ(network.gradient().slice(0, 35).abs().sum().item<double>(), 0)
        << "nothing depends on it";
  }
}

TEST(AutogradNetwork, WritingToParametersChangesTheNetworkAndItsOwnTensors) {
  const auto tensors = three_tensors();
  HandWritten network(tensors);
  const auto x = torch::randn({2, 4}, torch::kFloat64);
  network.parameters().zero_();
  EXPECT_EQ(network.forward(x, Mode::eval).abs().sum().item<double>(), 0);
  EXPECT_EQ(tensors[0].second.abs().sum().item<double>(), 0);
}

TEST(AutogradNetwork, DetachedTensorsKeepTheirValuesAndNoLongerFollow) {
  const auto tensors = three_tensors();
  HandWritten network(tensors);
  network.parameters().fill_(2);
  network.detach_parameters();
  network.parameters().fill_(3);
  for (const auto& [name, tensor] : tensors) {
    EXPECT_TRUE(torch::all(tensor == 2).item<bool>()) << name;
    EXPECT_EQ(tensor.storage().nbytes(), static_cast<size_t>(tensor.numel() * 8)) << name;
    EXPECT_TRUE(tensor.requires_grad() && tensor.is_leaf()) << name;
  }
}

TEST(AutogradNetwork, EvaluationRecordsNothingUntilAGradientIsAskedFor) {
  HandWritten network(three_tensors());
  const auto x = torch::randn({2, 4}, torch::kFloat64);
  const auto logits = network.forward(x, Mode::eval);
  EXPECT_FALSE(logits.requires_grad());
  EXPECT_EQ(network.calls, 1);
  network.backward(torch::ones({2, 3}, torch::kFloat64));
  EXPECT_EQ(network.calls, 2);
  network.backward(torch::zeros({2, 3}, torch::kFloat64));
  EXPECT_EQ(network.calls, 2) << "one recording serves all backward passes";
  EXPECT_EQ(network.gradient().abs().sum().item<double>(), 0);
  network.forward(x, Mode::train);
  network.backward(torch::ones({2, 3}, torch::kFloat64));
  EXPECT_EQ(network.calls, 3) << "statistics must not be updated twice";
}

TEST(AutogradNetwork, RefusesWhatCannotBeTrained) {
  EXPECT_NE(message_of<InputError>([] { HandWritten network({}); }).find("got none"),
            std::string::npos);
  auto mixed = three_tensors();
  mixed[1].second = mixed[1].second.detach().to(torch::kFloat32).requires_grad_(true);
  const auto message = message_of<InputError>([&] { HandWritten network(mixed); });
  EXPECT_NE(message.find("\"second\" Float"), std::string::npos) << message;
  EXPECT_THROW(HandWritten({{"whole", torch::ones({2}, torch::kInt64)}}), InputError);
}

TEST(AutogradNetwork, RefusesLogitsOfAnotherShape) {
  class Flat final : public AutogradNetwork {
   public:
    Flat() : AutogradNetwork({{"w", torch::ones({3}).requires_grad_(true)}}) {}
    [[nodiscard]] NamedTensors state() const override { return {}; }
    [[nodiscard]] std::unique_ptr<Network> clone() const override { return nullptr; }

   private:
    torch::Tensor call(const torch::Tensor& x, Mode) override { return x.sum(1); }
  };
  Flat network;
  const auto message = message_of<InputError>([&] {
    network.forward(torch::ones({4, 2}), Mode::eval);
  });
  EXPECT_NE(message.find("logits (4, classes) of Float required, got (4) of Float"),
            std::string::npos)
      << message;
}

}  // namespace
}  // namespace expunge
