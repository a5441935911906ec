#include "expunge/convex/sgd_moments.h"

#include <gtest/gtest.h>

#include "expunge/convex/iterations.h"
#include "expunge/core/error.h"
#include "reference.h"

namespace expunge {
namespace {

LeastSquares small_problem(uint64_t seed, bool interpolates) {
  const auto table = random_table(6, 3, 2, seed, 0.5);
  LeastSquares problem{table.x, table.y, torch::tensor({0.3, 0.1, 0.0}, torch::kFloat64)};
  if (interpolates) {
    problem.y = table.x.matmul(random_matrix(3, 2, seed + 9));
    problem.penalty.zero_();
  }
  return problem;
}

torch::Tensor minimiser(const LeastSquares& problem) {
  const double n = static_cast<double>(problem.z.size(0));
  return torch::linalg_solve(problem.hessian(), problem.z.t().matmul(problem.y) / n);
}

// E|e_t|^2 over all 6^(2 t) equally likely sequences of batches of two, each walked through.
double mean_by_enumeration(const LeastSquares& problem, const torch::Tensor& theta,
                           const torch::Tensor& reference, double step, int64_t left) {
  if (left == 0) return (theta - reference).square().sum().item<double>();
  const int64_t n = problem.z.size(0);
  double sum = 0;
  for (int64_t i = 0; i < n; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      auto gradient = problem.penalty.unsqueeze(1) * theta;
      for (const int64_t row : {i, j}) {
        const auto z = problem.z[row].unsqueeze(0);
        gradient = gradient + z.t().matmul(z.matmul(theta) - problem.y[row]) / 2;
      }
      sum += mean_by_enumeration(problem, theta - step * gradient, reference, step, left - 1);
    }
  }
  return sum / static_cast<double>(n * n);
}

TEST(SgdMoments, SecondMomentIsTheMeanOverAllSequencesOfBatches) {
  for (const bool interpolates : {false, true}) {
    const auto problem = small_problem(3, interpolates);
    const auto reference = minimiser(problem);
    const auto start = reference + random_matrix(3, 2, 17);
    const SgdMoments theory(problem, reference, 2);
    const double step = 0.3 / theory.smoothness();
    const std::vector<int64_t> times = {0, 1, 2};
    const auto predicted = theory.squared_distances(start - reference, step, times);
    for (size_t t = 0; t < times.size(); ++t) {
      EXPECT_NEAR(predicted[t] / mean_by_enumeration(problem, start, reference, step, times[t]), 1,
                  1e-12)
          << times[t] << interpolates;
    }
  }
}

TEST(SgdMoments, GradientIsThatOfTheMeanLossAndVanishesAtTheMinimiser) {
  const auto problem = small_problem(5, false);
  const auto theta = random_matrix(3, 2, 7);
  const auto value = [&](const torch::Tensor& at) {
    return (problem.y - problem.z.matmul(at)).square().sum().item<double>() / 12 +
           (problem.penalty.unsqueeze(1) * at.square()).sum().item<double>() / 2;
  };
  for (int64_t i = 0; i < 6; ++i) {
    auto up = theta.clone(), down = theta.clone();
    up.view({-1})[i] += 1e-5;
    down.view({-1})[i] -= 1e-5;
    EXPECT_NEAR(problem.gradient(theta).view({-1})[i].item<double>(),
                (value(up) - value(down)) / 2e-5, 1e-8);
  }
  EXPECT_LT(problem.gradient(minimiser(problem)).norm().item<double>(), 1e-13);
}

TEST(SgdMoments, LimitIsWhereTheRecursionStaysAndTendsToItsFirstOrder) {
  const auto problem = small_problem(7, false);
  const auto reference = minimiser(problem);
  const SgdMoments theory(problem, reference, 2);
  const double step = 0.5 / theory.smoothness();
  const double limit = theory.stationary(step);
  const auto long_run =
      theory.squared_distances(torch::zeros_like(reference), step, std::vector<int64_t>{20000});
  EXPECT_NEAR(long_run[0] / limit, 1, 1e-8);
  // First order: H S + S H = step / B C, solved as one linear system of Kronecker products.
  const auto errors = problem.y - problem.z.matmul(reference);
  auto c = torch::zeros({3, 3}, torch::kFloat64);
  for (int64_t i = 0; i < 6; ++i) {
    const auto g = -problem.z[i].unsqueeze(1).matmul(errors[i].unsqueeze(0)) +
                   problem.penalty.unsqueeze(1) * reference;
    c += g.matmul(g.t()) / 6;
  }
  const auto eye = torch::eye(3, torch::kFloat64);
  const auto h = problem.hessian();
  const auto system = torch::kron(h, eye) + torch::kron(eye, h);
  const auto s = torch::linalg_solve(system, (1e-6 / 2 * c).reshape({-1})).view({3, 3});
  EXPECT_NEAR(theory.first_order_stationary(1e-6) / s.trace().item<double>(), 1, 1e-12);
  EXPECT_NEAR(theory.noise() / (c.trace().item<double>() / 2), 1, 1e-12);
  for (const double small : {1e-2, 1e-3, 1e-4}) {
    const double ratio = theory.stationary(small / theory.smoothness()) /
                         theory.first_order_stationary(small / theory.smoothness());
    EXPECT_NEAR(ratio, 1, small);
  }
}

TEST(SgdMoments, InterpolationHasNoNoiseAndFallsUnderItsBound) {
  const auto problem = small_problem(9, true);
  const auto reference = minimiser(problem);
  for (const int64_t batch : {1, 2, 5}) {
    const SgdMoments theory(problem, reference, batch);
    EXPECT_NEAR(theory.noise(), 0, 1e-25);
    for (const double share : {0.3, 1.0, 1.9}) {
      const double step = share / theory.smoothness();
      const double factor = theory.interpolation_factor(step);
      EXPECT_LT(factor, 1);
      std::vector<int64_t> times;
      for (int64_t t = 0; t <= 50; ++t) times.push_back(t);
      const auto squares = theory.squared_distances(random_matrix(3, 2, 1), step, times);
      for (size_t t = 1; t < squares.size(); ++t)
        EXPECT_LE(squares[t], factor * squares[t - 1] * (1 + 1e-12));
    }
  }
}

TEST(SgdMoments, NoiseStaysUnderItsBound) {
  const auto problem = small_problem(11, false);
  const auto reference = minimiser(problem);
  for (const int64_t batch : {1, 3}) {
    const SgdMoments theory(problem, reference, batch);
    const double step = 0.5 / theory.smoothness();
    EXPECT_LE(theory.stationary(step), theory.ball_bound(step));
    // Proposition 5, from both sides and for steps up to the limit.
    for (const double share : {0.01, 0.5, 1.0, 1.8}) {
      const double s = share / theory.smoothness();
      EXPECT_GE(theory.stationary(s), theory.first_order_stationary(s));
      EXPECT_LE(theory.stationary(s),
                s * theory.noise() / (theory.strong_convexity() * (2 - share)));
    }
    const auto error = random_matrix(3, 2, 5);
    std::vector<int64_t> times = {0, 1, 5, 20, 100, 1000};
    const auto squares = theory.squared_distances(error, step, times);
    const double start = error.square().sum().item<double>();
    for (size_t t = 0; t < times.size(); ++t) {
      EXPECT_LE(
          squares[t],
          std::pow(1 - step * theory.strong_convexity(), static_cast<double>(times[t])) * start +
              theory.ball_bound(step));
    }
    EXPECT_THROW(static_cast<void>(theory.stationary(2.01 / theory.smoothness())), InputError);
  }
}

TEST(Iterations, StochasticRunsHaveTheMeanSquareThatIsPredicted) {
  const auto problem = small_problem(13, false);
  const auto reference = minimiser(problem);
  const auto start = reference + random_matrix(3, 2, 3);
  const SgdMoments theory(problem, reference, 3);
  const double step = 0.3 / theory.smoothness();
  const std::vector<int64_t> times = {0, 5, 30, 200};
  const StochasticObjective objective{
      problem.z.contiguous(), problem.y.contiguous(), {}, problem.penalty, Link::identity};
  const auto got =
      stochastic_descend(objective, start, reference, {step, 3, 4000, 1, "test", 2}, times);
  const auto wanted = theory.squared_distances(start - reference, step, times);
  for (size_t t = 0; t < times.size(); ++t)
    EXPECT_NEAR(got.mean_square[t], wanted[t], 5 * got.standard_error[t] + 1e-12) << times[t];
  const auto again =
      stochastic_descend(objective, start, reference, {step, 3, 4000, 1, "test", 1}, times);
  EXPECT_EQ(got.mean_square, again.mean_square);
}

TEST(Iterations, WeightsAndLinksAreThoseOfTheGradient) {
  // A batch of many draws comes near the full gradient: one long step.
  const auto z = random_matrix(4, 3, 1);
  auto y = torch::zeros({4, 3}, torch::kFloat64);
  for (int64_t i = 0; i < 4; ++i) y[i][i % 3] = 1;
  const auto weights = torch::tensor({0.5, 2.0, 1.0, 0.0}, torch::kFloat64);
  const auto theta = random_matrix(3, 3, 5);
  const auto penalty = torch::tensor({0.2, 0.0, 0.1}, torch::kFloat64);
  for (const auto link : {Link::identity, Link::logistic, Link::softmax}) {
    const auto logits = z.matmul(theta);
    const auto outputs = link == Link::identity   ? logits
                         : link == Link::logistic ? torch::sigmoid(logits)
                                                  : torch::softmax(logits, 1);
    const auto gradient =
        z.t().matmul((outputs - y) * weights.unsqueeze(1)) / 4 + penalty.unsqueeze(1) * theta;
    const auto wanted = theta - 0.5 * gradient;
    const auto got = stochastic_descend({z, y, weights, penalty, link}, theta, wanted,
                                        {0.5, 400000, 1, 2, "test", 1}, std::vector<int64_t>{1});
    EXPECT_LT(std::sqrt(got.mean_square[0]), 0.01);
    EXPECT_GT(gradient.norm().item<double>(), 0.1);
  }
}

TEST(Iterations, DivergenceEndsACurve) {
  const auto grow = [](const torch::Tensor& theta) { return -theta; };
  const auto found =
      descend(grow, torch::ones({1, 1}, torch::kFloat64), torch::zeros({1, 1}, torch::kFloat64), 1,
              std::vector<int64_t>{0, 10, 100, 1000});
  EXPECT_EQ(found.size(), 2U);
  EXPECT_NEAR(found[1], 1024, 1e-9);
}

}  // namespace
}  // namespace expunge
