// TRAK and EK-FAC influence against retraining, dense formulas, and each other's two sides.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "expunge/attribution/ekfac.h"
#include "expunge/attribution/trak.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/gradients/gradient_projection.h"
#include "expunge/gradients/margin_directions.h"
#include "gradients/small_networks.h"
#include "message_of.h"
#include "orthogonal_classifier.h"

namespace expunge {
namespace {

std::vector<int64_t> every_point(int64_t m) {
  std::vector<int64_t> points(static_cast<size_t>(m));
  std::iota(points.begin(), points.end(), 0);
  return points;
}

/// (n, m): margins' derivatives in the weight of each example, by trainings with a little more and a
/// little less of it.
torch::Tensor by_retraining(const OrthogonalClassifier& of) {
  std::vector<torch::Tensor> rows;
  const double h = 1e-5;
  for (int64_t i = 0; i < of.n; ++i) {
    auto weights = torch::ones({of.n}, torch::kFloat64);
    weights[i] = 1 + h;
    const auto more = of.retrained_margins(weights);
    weights[i] = 1 - h;
    rows.push_back((more - of.retrained_margins(weights)) / (2 * h));
  }
  return torch::stack(rows);
}

double largest(const torch::Tensor& x) {
  return x.abs().max().item<double>();
}

TEST(Ekfac, IsTheDerivativeOfRetrainingWhereItsCurvatureIsExact) {
  const OrthogonalClassifier classifier;
  const EkfacInfluence ekfac(classifier.models(), classifier.problem,
                             {.damp = 1e-7, .labels = FisherLabels::all});
  const auto truth = by_retraining(classifier).to(torch::kFloat32);
  const auto scores = ekfac.scores(every_point(classifier.m));
  EXPECT_LT(largest(scores.mean - truth), 1e-4 * largest(truth));
  EXPECT_FALSE(scores.standard_error.defined());
}

TEST(Ekfac, WithDrawnLabelsIsNearTheSame) {
  const OrthogonalClassifier classifier;
  const auto truth = by_retraining(classifier).to(torch::kFloat32);
  // 32 drawn labels estimate each eigenvalue to about a quarter; their mean over seeds is nearer.
  auto mean = torch::zeros_like(truth);
  for (int64_t seed = 0; seed < 50; ++seed) {
    const EkfacInfluence ekfac(classifier.models(), classifier.problem,
                               {.damp = 1e-5, .labels = FisherLabels::drawn, .seed = seed});
    mean += ekfac.scores(every_point(classifier.m)).mean / 50;
  }
  EXPECT_LT(largest(mean - truth), 0.3 * largest(truth));
}

TEST(Trak, IsTheDerivativeOfRetrainingUpToItsConstant) {
  // TRAK leaves the weights p (1 - p) = 3/16 out of the curvature.
  const OrthogonalClassifier classifier;
  const Trak trak(classifier.models(), classifier.problem, {.dimensions = 4096, .damp = 1e-9});
  const auto truth = by_retraining(classifier).to(torch::kFloat32) * (3.0 / 16);
  const auto scores = trak.scores(every_point(classifier.m)).mean;
  EXPECT_LT(largest(scores - truth), 0.05 * largest(truth));
}

/// Small networks of two seeds on eight examples and two more points, with labels.
struct SmallProblem {
  explicit SmallProblem(NetworkKind of) : kind(of) {
    problem.inputs = small_inputs(10).to(torch::kFloat32);
    problem.labels = torch::arange(10) % 3;
    problem.training = {problem.inputs.narrow(0, 0, 8), problem.labels.narrow(0, 0, 8)};
    problem.shape = {2, 12, 12, 3};
  }
  std::unique_ptr<LayeredNetwork> network(int64_t model) const {
    auto made = small_network(kind);
    torch::manual_seed(100 + static_cast<uint64_t>(model));
    made->parameters().add_(0.1 * torch::randn_like(made->parameters()));
    return made;
  }
  TrainedModels models(int64_t count) const {
    return {count, [this](int64_t model) { return network(model); }};
  }
  torch::Tensor margin_rows(LayeredNetwork& network) const {
    const auto x = problem.inputs.to(torch::kFloat64);
    const auto logits = network.forward(x, Mode::eval).clone();
    return jacobian_by_rows(network, x, margin_gradients(logits, problem.labels).unsqueeze(1));
  }
  NetworkKind kind;
  Problem problem;
};

class GradientAttributors : public testing::TestWithParam<NetworkKind> {
 protected:
  std::unique_ptr<GradientAttributor> made(bool trak, int64_t models) const {
    if (trak) {
      return std::make_unique<Trak>(small.models(models), small.problem,
                                    TrakOptions{.dimensions = 200, .damp = 0.1}, 2);
    }
    return std::make_unique<EkfacInfluence>(small.models(models), small.problem, EkfacOptions{}, 2);
  }
  SmallProblem small{GetParam()};
};

TEST_P(GradientAttributors, TrakIsItsFormula) {
  const auto network = small.network(0);
  const auto j = small.margin_rows(*network);
  const auto logits =
      network->forward(small.problem.inputs.to(torch::kFloat64), Mode::eval).clone();
  RowCollector one(*network);
  one.forward(small.problem.inputs.narrow(0, 0, 1).to(torch::kFloat64));
  one.add(torch::zeros({1, 1, 3}, torch::kFloat64));
  const GradientProjection projection(200, derive_seed(0, "TRAK projection", 0));
  std::vector<torch::Tensor> columns;
  for (int64_t i = 0; i < 200; ++i) {
    auto unit = torch::zeros({200}, torch::kFloat64);
    unit[i] = 1;
    projection.write_back(unit, one);
    columns.push_back(network->gradient().clone());
  }
  const auto phi = j.matmul(torch::stack(columns, 1));
  const auto training = phi.narrow(0, 0, 8);
  auto system = training.t().matmul(training);
  system += 0.1 * system.diagonal().mean() * torch::eye(200, torch::kFloat64);
  const auto p = logits.softmax(1).gather(1, small.problem.labels.unsqueeze(1)).narrow(0, 0, 8);
  const auto expected = training.matmul(torch::linalg_solve(system, phi.t())) * (1 - p);
  const auto scores = made(true, 1)->scores(every_point(10)).mean;
  EXPECT_LT(largest(scores - expected), 1e-5 * largest(expected));
}

TEST_P(GradientAttributors, RemovalShiftsAreMinusTheSumsOfScores) {
  for (const bool trak : {true, false}) {
    const auto attributor = made(trak, 1);
    const std::vector<std::vector<int64_t>> removals = {{1}, {0, 5, 6}};
    const auto shifts = attributor->removal_shifts(removals).to(torch::kFloat64);
    const auto scores = attributor->scores(every_point(10)).mean.to(torch::kFloat64);
    const auto network = small.network(0);
    const auto logits =
        network->forward(small.problem.inputs.to(torch::kFloat64), Mode::eval).clone();
    const auto directions = margin_gradients(logits, small.problem.labels);
    for (size_t k = 0; k < removals.size(); ++k) {
      const auto of_margin = (shifts[static_cast<int64_t>(k)] * directions).sum(1);
      const auto expected = -scores.index_select(0, torch::tensor(removals[k])).sum(0);
      EXPECT_LT(largest(of_margin - expected), 2e-3 * largest(expected)) << trak << k;
    }
  }
}

TEST_P(GradientAttributors, AreMeansOverModels) {
  for (const bool trak : {true, false}) {
    const std::vector<std::vector<int64_t>> removals = {{2, 3}};
    const auto both = made(trak, 2);
    const auto scores = both->scores(every_point(10));
    const auto first = made(trak, 1)->scores(every_point(10)).mean;
    const auto second = 2 * scores.mean - first;
    EXPECT_LT(largest(scores.standard_error - (first - second).abs() / 2),
              1e-4 * largest(scores.mean));
    EXPECT_GT(largest(first - second), 1e-3 * largest(first));
    EXPECT_EQ(both->removal_shifts(removals).sizes(), at::IntArrayRef({1, 10, 3}));
  }
}

TEST_P(GradientAttributors, DoNotDependOnTheNumberOfWorkers) {
  const TrakOptions trak{.dimensions = 200};
  const auto points = every_point(10);
  EXPECT_TRUE(torch::equal(Trak(small.models(1), small.problem, trak, 1).scores(points).mean,
                           Trak(small.models(1), small.problem, trak, 3).scores(points).mean));
  EXPECT_TRUE(
      torch::equal(EkfacInfluence(small.models(1), small.problem, {}, 1).scores(points).mean,
                   EkfacInfluence(small.models(1), small.problem, {}, 3).scores(points).mean));
}

INSTANTIATE_TEST_SUITE_P(AllNetworks, GradientAttributors,
                         testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                         NetworkKind::resnet9, NetworkKind::resnet18));

TEST(GradientAttributorRefuses, WhatCannotBe) {
  const SmallProblem small(NetworkKind::mlp);
  const auto trak = [&](TrakOptions options, int64_t models = 1) {
    return Trak(small.models(models), small.problem, options);
  };
  EXPECT_EQ(message_of<OptionError>([&] { (void)trak({.dimensions = 0}); }),
            "option trak_dimensions: from 1 to 65536 required, got 0");
  EXPECT_EQ(message_of<OptionError>([&] { (void)trak({.damp = 0}); }),
            "option trak_damp: a number above 0 required, got 0");
  EXPECT_EQ(message_of<InputError>([&] { (void)trak({}, 0); }),
            "attribution by gradients: at least one trained model required, got none");
  const std::vector<int64_t> beyond = {10};
  EXPECT_EQ(message_of<InputError>([&] { (void)trak({.dimensions = 8}).scores(beyond); }),
            "scores: a point from 0 to 9 required, got 10");
  const std::vector<std::vector<int64_t>> twice = {{3, 3}};
  EXPECT_THROW((void)trak({.dimensions = 8}).removal_shifts(twice), InputError);
  EXPECT_THROW((void)EkfacInfluence(small.models(1), small.problem, {.damp = -1}), OptionError);
}

TEST(GradientAttributorRefuses, ADivergedModel) {
  const SmallProblem small(NetworkKind::mlp);
  const TrainedModels broken{1, [&](int64_t model) {
                               auto network = small.network(model);
                               network->parameters()[0] = std::numeric_limits<double>::quiet_NaN();
                               return network;
                             }};
  const std::vector<int64_t> points = {0};
  EXPECT_EQ(message_of<NonFiniteError>(
                [&] { (void)Trak(broken, small.problem, {.dimensions = 8}).scores(points); }),
            "TRAK: gradients of a model are not finite");
  EXPECT_EQ(message_of<NonFiniteError>(
                [&] { (void)EkfacInfluence(broken, small.problem, {}).scores(points); }),
            "curvature: the network's logits are not finite");
}

}  // namespace
}  // namespace expunge
