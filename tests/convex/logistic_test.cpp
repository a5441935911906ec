#include "expunge/convex/logistic.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "message_of.h"
#include "reference.h"

namespace expunge {
namespace {

struct LogisticCase {
  torch::Tensor z, labels, weights;
  int64_t classes = 2;
};

LogisticCase logistic_case(int64_t n, int64_t d, int64_t classes, uint64_t seed) {
  LogisticCase made;
  made.classes = classes;
  made.z = torch::cat({random_matrix(n, d, seed), torch::ones({n, 1}, torch::kFloat64)}, 1);
  const auto scores =
      made.z.matmul(random_matrix(d + 1, classes, seed + 1)) + random_matrix(n, classes, seed + 2);
  made.labels = scores.argmax(1);
  for (int64_t c = 0; c < classes; ++c) made.labels[c] = c;  // every class is there
  made.weights = random_matrix(n, 1, seed + 3).squeeze(1).abs() + 0.1;
  return made;
}

LogisticObjective objective_of(const LogisticCase& made, double lambda = 0.7) {
  LogisticOptions options;
  options.lambda = lambda;
  return {made.z, made.labels, made.classes, made.weights, options};
}

// The objective as its definition reads, a loop over examples in long double.
double value_by_definition(const LogisticCase& made, const torch::Tensor& theta, double lambda) {
  Long value = 0;
  const auto logits = made.z.matmul(theta);
  for (int64_t i = 0; i < made.z.size(0); ++i) {
    std::vector<Long> outputs;
    if (made.classes == 2) {
      outputs = {0, logits[i][0].item<double>()};
    } else {
      for (int64_t c = 0; c < made.classes; ++c) outputs.push_back(logits[i][c].item<double>());
    }
    Long sum = 0;
    for (const Long output : outputs) sum += std::exp(output);
    value += Long(made.weights[i].item<double>()) *
             (std::log(sum) - outputs[static_cast<size_t>(made.labels[i].item<int64_t>())]);
  }
  const int64_t d = theta.size(0) - 1;
  return static_cast<double>(value) +
         lambda / 2 * theta.narrow(0, 0, d).square().sum().item<double>();
}

// H^-1 by the dense matrix of finite differences of the gradient.
torch::Tensor hessian_by_differences(const LogisticObjective& objective,
                                     const torch::Tensor& theta) {
  const int64_t size = theta.numel();
  auto hessian = torch::zeros({size, size}, torch::kFloat64);
  for (int64_t i = 0; i < size; ++i) {
    auto up = theta.clone(), down = theta.clone();
    up.view({-1})[i] += 1e-5;
    down.view({-1})[i] -= 1e-5;
    hessian[i] = ((objective.gradient(up) - objective.gradient(down)) / 2e-5).reshape({-1});
  }
  return hessian;
}

class LogisticClasses : public testing::TestWithParam<int64_t> {};

TEST_P(LogisticClasses, ValueIsItsDefinitionAndGradientAndHessianItsDifferences) {
  const auto made = logistic_case(30, 4, GetParam(), 5);
  const auto objective = objective_of(made);
  const auto theta = random_matrix(objective.rows(), objective.columns(), 9);
  EXPECT_NEAR(objective.value(theta), value_by_definition(made, theta, 0.7), 1e-11);
  const auto gradient = objective.gradient(theta);
  for (int64_t i = 0; i < theta.numel(); ++i) {
    auto up = theta.clone(), down = theta.clone();
    up.view({-1})[i] += 1e-5;
    down.view({-1})[i] -= 1e-5;
    EXPECT_NEAR(gradient.view({-1})[i].item<double>(),
                (objective.value(up) - objective.value(down)) / 2e-5, 1e-7);
  }
  const auto hessian = hessian_by_differences(objective, theta);
  const auto v = random_matrix(objective.rows(), objective.columns(), 11);
  EXPECT_LT(relative_error(objective.hessian_times(theta, v).reshape({-1}),
                           hessian.matmul(v.reshape({-1}))),
            1e-8);
}

TEST_P(LogisticClasses, OptimumHasNoGradientAndNoSmallerValueBeside) {
  const auto made = logistic_case(40, 5, GetParam(), 15);
  const auto objective = objective_of(made);
  const auto fit = minimise(objective);
  EXPECT_LT(fit.gradient_norm, 1e-12 * objective.gradient_scale());
  EXPECT_LT(objective.gradient(fit.theta).norm().item<double>(),
            1e-12 * objective.gradient_scale());
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const auto beside =
        fit.theta + 1e-3 * random_matrix(objective.rows(), objective.columns(), seed);
    EXPECT_GT(value_by_definition(made, beside, 0.7), value_by_definition(made, fit.theta, 0.7));
  }
  if (GetParam() > 2) {
    EXPECT_LT(fit.theta.sum(1).abs().max().item<double>(), 1e-9);
  }
  // From elsewhere to the same place.
  const auto again = minimise(objective, fit.theta + 0.5 * (fit.theta - objective.zero()));
  EXPECT_LT(relative_error(again.theta, fit.theta), 1e-9);
}

TEST_P(LogisticClasses, NewtonAndInfluenceStepsAreThoseOfDenseSolves) {
  const auto made = logistic_case(50, 3, GetParam(), 25);
  const auto full = objective_of(made);
  auto weights = made.weights.clone();
  for (const int64_t i : {2, 4, 30}) weights[i] = 0;
  const auto retained = full.weighted(weights);
  const auto theta = minimise(full).theta;
  const auto gradient = retained.gradient(theta).reshape({-1});
  // More classes: the direction of all intercepts at once has no curvature; pseudo-inverse.
  const auto dense = [&](const LogisticObjective& objective) {
    return torch::linalg_pinv(hessian_by_differences(objective, theta), 1e-7)
        .matmul(gradient)
        .view(theta.sizes());
  };
  EXPECT_LT(relative_error(newton_removal(retained, theta), theta - dense(retained)), 1e-7);
  EXPECT_LT(relative_error(influence_removal(full, retained, theta), theta - dense(full)), 1e-7);
  // Nearer to retraining than doing nothing, Newton nearer than influence, two steps than one.
  const auto exact = minimise(retained).theta;
  const double nothing = (theta - exact).norm().item<double>();
  const auto newton = newton_removal(retained, theta);
  const double one = (newton - exact).norm().item<double>();
  EXPECT_LT((influence_removal(full, retained, theta) - exact).norm().item<double>(), nothing);
  EXPECT_LT(one, 0.3 * nothing);
  EXPECT_LT((newton_removal(retained, newton) - exact).norm().item<double>(), 0.2 * one);
}

INSTANTIATE_TEST_SUITE_P(Classes, LogisticClasses, testing::Values(2, 3, 5));

TEST(Logistic, PenaltyOfTheInterceptAndATilt) {
  const auto made = logistic_case(30, 3, 2, 45);
  LogisticOptions options;
  options.lambda = 2;
  options.intercept_penalised = true;
  const auto b = random_matrix(4, 1, 3);
  const auto objective = LogisticObjective(made.z, made.labels, 2, made.weights, options).tilted(b);
  const auto theta = random_matrix(4, 1, 5);
  const auto plain = objective_of(made, 2);
  EXPECT_NEAR(
      objective.value(theta) - plain.value(theta),
      theta[3][0].item<double>() * theta[3][0].item<double>() + (b * theta).sum().item<double>(),
      1e-11);
  EXPECT_LT(objective.gradient(minimise(objective).theta).norm().item<double>(), 1e-10);
  options.intercept = false;
  const auto without = minimise(LogisticObjective(made.z, made.labels, 2, made.weights, options));
  EXPECT_EQ(without.theta[3][0].item<double>(), 0);
}

TEST(Logistic, SeparableClassesHaveAnOptimumByThePenalty) {
  auto made = logistic_case(20, 2, 2, 55);
  made.labels = (made.z.select(1, 0) > 0).to(torch::kInt64);
  const auto fit = minimise(objective_of(made, 1e-6));
  EXPECT_LT(fit.gradient_norm, 1e-7);
}

TEST(Logistic, Refusals) {
  auto made = logistic_case(10, 2, 2, 65);
  // Without an example of a class its free intercept has no optimum; a penalised one has.
  auto gone = made.weights * made.labels.eq(0);
  EXPECT_NE(
      message_of<InputError>([&] { minimise(objective_of(made).weighted(gone)); }).find("class 1"),
      std::string::npos);
  LogisticOptions penalised;
  penalised.intercept_penalised = true;
  EXPECT_GT(minimise(LogisticObjective(made.z, made.labels, 2, gone, penalised)).steps, 0);
  EXPECT_THROW(objective_of(made).weighted(torch::zeros({10}, torch::kFloat64)), InputError);
  EXPECT_THROW(objective_of(made, 0), OptionError);
  EXPECT_THROW(LogisticObjective(made.z, made.labels, 1, made.weights, {}), InputError);
  EXPECT_THROW(LogisticObjective(made.z, made.labels.narrow(0, 0, 9), 2, made.weights, {}),
               InputError);
}

}  // namespace
}  // namespace expunge
