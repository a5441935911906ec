// Every unlearning method on a CUDA device against the CPU, in float64.
#include <gtest/gtest.h>

#include "cuda_device.h"
#include "expunge/train/ensemble.h"
#include "expunge/unlearn/method.h"
#include "train/tiny_problem.h"

namespace expunge {
namespace {

class CudaUnlearning : public CudaTest {
 protected:
  // The distance between what the method makes of a network here and there, by its change here.
  double difference(const MethodOptions& options, NetworkKind kind) {
    Recipe recipe = tiny_recipe();
    recipe.network = {.kind = kind, .hidden = {8}, .width = 0.125, .dtype = DtypeKind::float64};
    recipe.epochs = 6;
    const auto problem = make_problem(tiny_data(2, 12));
    const auto there = problem.on(device, Precision::float32);
    const auto full = train_member({.name = "full", .models = 1, .masks = {}, .excluded = {}},
                                   recipe, problem, 0);
    const std::vector<int64_t> forget = {3, 16, 22};
    UnlearnTask task{.problem = problem, .forget = forget, .targets = {}, .seed = 3};
    task.targets = evaluate_logits(*full, problem.inputs.to(torch::kFloat64)).clone();
    for (const int64_t i : forget) task.targets[i] = task.targets[i].flip({0});
    UnlearnTask cuda_task{.problem = there, .forget = forget, .targets = task.targets, .seed = 3};
    const auto unlearner = make_unlearner(options, recipe);
    const auto here_network = full->copy_on(torch::kCPU);
    const auto there_network = full->copy_on(device);
    const auto here = unlearner->unlearn(*here_network, task);
    const auto cuda = unlearner->unlearn(*there_network, cuda_task);
    EXPECT_DOUBLE_EQ(cuda.sample_gradients, here.sample_gradients);
    EXPECT_NEAR(cuda.forget_error_after, here.forget_error_after,
                1e-4 * (1 + here.forget_error_before));
    EXPECT_TRUE(there_network->parameters().is_cuda());
    const auto change = here_network->parameters() - full->parameters();
    const double apart =
        (there_network->parameters().cpu() - here_network->parameters()).norm().item<double>();
    return apart / std::max(change.norm().item<double>(), 1e-12);
  }
};

TEST_F(CudaUnlearning, MatchingByKernelIsTheCpus) {
  MethodOptions options;
  options.kind = MethodKind::matching;
  options.matching.kernel.curvature_points = 12;
  options.matching.kernel.retain_points = 10;
  for (const auto kind :
       {NetworkKind::mlp, NetworkKind::convnet, NetworkKind::resnet9, NetworkKind::resnet18})
    EXPECT_LT(difference(options, kind), 1e-5) << static_cast<int>(kind);
  options.matching.kernel.kernel_rows = 6;  // in parts
  EXPECT_LT(difference(options, NetworkKind::convnet), 1e-5);
}

TEST_F(CudaUnlearning, MatchingByGradientIsTheCpus) {
  MethodOptions options;
  options.kind = MethodKind::matching;
  options.matching.engine = MatchingEngine::gradient;
  options.matching.gradient.epochs = 3;
  for (const auto kind : {NetworkKind::mlp, NetworkKind::convnet})
    EXPECT_LT(difference(options, kind), 1e-5) << static_cast<int>(kind);
}

TEST_F(CudaUnlearning, OtherMethodsAreTheCpus) {
  for (const auto kind :
       {MethodKind::gradient_ascent, MethodKind::gradient_descent, MethodKind::gda,
        MethodKind::scrub, MethodKind::relabelling, MethodKind::ssd, MethodKind::bad_teacher,
        MethodKind::do_nothing, MethodKind::retraining}) {
    MethodOptions options;
    options.kind = kind;
    options.ssd.alpha = 1.5;
    for (const auto network : {NetworkKind::mlp, NetworkKind::convnet})
      EXPECT_LT(difference(options, network), 1e-5)
          << static_cast<int>(kind) << " " << static_cast<int>(network);
  }
}

}  // namespace
}  // namespace expunge
