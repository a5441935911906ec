// SSD's importances and factors against their formulas on a linear network.
#include "expunge/unlearn/synaptic_dampening.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "train/tiny_problem.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

// Mean over the points `index` of the squared gradient (3, 7) of each one's cross-entropy.
torch::Tensor importance(const LinearTask& f, const torch::Tensor& index) {
  auto sum = torch::zeros({3, 7}, torch::kFloat64);
  for (int64_t k = 0; k < index.numel(); ++k)
    sum += f.label_gradient(f.weights(), index.narrow(0, k, 1)).square();
  return sum / static_cast<double>(index.numel());
}

TEST(SynapticDampening, DampensWhatMattersMoreToTheForgetSet) {
  LinearTask f;
  const auto w = f.weights();
  const auto on_all = importance(f, torch::arange(30));
  const auto on_forget = importance(f, f.forgotten());
  const auto summary =
      SynapticDampening({.alpha = 1.3, .lambda = 1.1}).unlearn(*f.network, f.task());
  auto expected = w.clone();
  int dampened = 0;
  for (int64_t c = 0; c < 3; ++c) {
    for (int64_t k = 0; k < 7; ++k) {
      const double i_s = on_all[c][k].item<double>();
      const double i_f = on_forget[c][k].item<double>();
      if (i_f <= 1.3 * i_s) continue;
      expected[c][k] *= std::min(1.1 * i_s / i_f, 1.0);
      ++dampened;
    }
  }
  EXPECT_GT(dampened, 0);
  EXPECT_LT(dampened, 21);
  EXPECT_TRUE(torch::allclose(f.weights(), expected, 1e-12, 1e-12));
  EXPECT_EQ(summary.sample_gradients, 30);
}

TEST(SynapticDampening, BatchesSumWhatSingleExamplesGive) {
  const auto problem = tiny_problem();
  std::vector<int64_t> members;
  for (int64_t i = 0; i < 300; ++i) members.push_back(i * 7 % problem.n());
  for (const auto kind : {NetworkKind::mlp, NetworkKind::convnet}) {
    const auto network =
        make_network({.kind = kind, .hidden = {5, 4}, .width = 0.25, .dtype = DtypeKind::float64},
                     problem.shape);
    network->initialise(4);
    const auto batched = squared_gradients(*network, problem.training, members);
    const auto single = squared_gradients_one_by_one(*network, problem.training, members);
    EXPECT_GT(single.min().item<double>(), -1e-300);
    EXPECT_TRUE(torch::allclose(batched, single, 1e-9, 1e-12));
  }
}

TEST(SynapticDampening, NothingIsDampenedWhereNothingStandsOut) {
  LinearTask f;
  const auto before = f.network->parameters().clone();
  SynapticDampening({.alpha = 1e6}).unlearn(*f.network, f.task());
  EXPECT_TRUE(torch::equal(f.network->parameters(), before));
}

TEST(SynapticDampening, AWeightThatNoExampleUsesStaysAsItIs) {
  LinearTask f;
  f.problem.inputs.select(3, 2).zero_();  // an input that is always 0
  const auto before = f.weights();
  SynapticDampening({.alpha = 0.01}).unlearn(*f.network, f.task());
  EXPECT_TRUE(torch::equal(f.weights().select(1, 2), before.select(1, 2)));
  EXPECT_TRUE(torch::isfinite(f.network->parameters()).all().item<bool>());
}

TEST(SynapticDampening, OptionsOutOfRangeAreRefused) {
  EXPECT_THROW(SynapticDampening({.alpha = 0}), OptionError);
  EXPECT_THROW(SynapticDampening({.lambda = -1}), OptionError);
}

}  // namespace
}  // namespace expunge
