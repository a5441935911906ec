#include "expunge/train/containers.h"

#include <gtest/gtest.h>

namespace expunge {
namespace {

// Records which gradients it is asked for.
class Probe final : public Layer {
 public:
  explicit Probe(bool learns) : learns_(learns) {}
  torch::Tensor forward(const torch::Tensor& x, Mode /*mode*/) override { return x; }
  torch::Tensor backward(const torch::Tensor& output_gradient,
                         const BackwardRequest& request) override {
    asked = request.input_gradient;
    return output_gradient;
  }
  std::vector<Parameter*> parameters() override {
    if (learns_) return {&parameter_};
    return {};
  }

  bool asked = false;

 private:
  bool learns_;
  Parameter parameter_{"weight", {1}, 0, 0, {}, {}};
};

TEST(Sequential, AsksForNoGradientBelowTheFirstLayerThatLearns) {
  Sequential net;
  auto* below = new Probe(false);
  auto* first = new Probe(true);
  auto* above = new Probe(false);
  net.add(std::unique_ptr<Layer>(below));
  net.add(std::unique_ptr<Layer>(first));
  net.add(std::unique_ptr<Layer>(above));
  net.backward(torch::ones({2, 3}), {.input_gradient = false});
  EXPECT_FALSE(below->asked);
  EXPECT_FALSE(first->asked);
  EXPECT_TRUE(above->asked);
}

TEST(Sequential, AsksAllLayersWhereItsOwnInputGradientIsAskedFor) {
  Sequential net;
  auto* below = new Probe(false);
  auto* first = new Probe(true);
  net.add(std::unique_ptr<Layer>(below));
  net.add(std::unique_ptr<Layer>(first));
  net.backward(torch::ones({2, 3}), {.input_gradient = true});
  EXPECT_TRUE(below->asked);
  EXPECT_TRUE(first->asked);
}

TEST(Sequential, FindsTheFirstLayerThatLearnsInsideAnother) {
  auto inner = std::make_unique<Sequential>();
  inner->add(std::make_unique<Probe>(true));
  Sequential net;
  net.add<Residual>(std::move(inner));
  auto* above = new Probe(false);
  net.add(std::unique_ptr<Layer>(above));
  net.backward(torch::ones({2, 3}), {.input_gradient = false});
  EXPECT_TRUE(above->asked);
}

}  // namespace
}  // namespace expunge
