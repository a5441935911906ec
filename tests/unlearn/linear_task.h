// A task on a network without hidden layers, whose steps can be written out by hand.
#pragma once

#include <ATen/ops/cat.h>
#include <torch/types.h>

#include <memory>
#include <vector>

#include "expunge/train/networks.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

// A linear classifier of 6 inputs and 3 classes on 30 examples and 4 more validation points.
struct LinearTask {
  LinearTask() {
    torch::manual_seed(3);
    problem.inputs = torch::randn({34, 1, 1, 6});
    problem.labels = torch::randint(0, 3, {34}, torch::kInt64);
    problem.training = {problem.inputs.narrow(0, 0, 30), problem.labels.narrow(0, 0, 30)};
    problem.shape = {1, 1, 6, 3};
    network = make_network({.hidden = {}, .dtype = DtypeKind::float64}, problem.shape);
    network->initialise(2);
    targets = evaluate_logits(*network, problem.inputs.to(torch::kFloat64)) +
              torch::randn({34, 3}, torch::kFloat64);
  }
  Problem problem;
  std::unique_ptr<LayeredNetwork> network;
  torch::Tensor targets;
  std::vector<int64_t> forget = {4, 17};

  // The weights with the biases as a last column, (3, 7), and the inputs that go with them, (34, 7).
  torch::Tensor weights() const {
    return at::cat({network->state()[0].second, network->state()[1].second.unsqueeze(1)}, 1)
        .clone();
  }
  torch::Tensor design() const {
    return at::cat(
        {problem.inputs.flatten(1).to(torch::kFloat64), torch::ones({34, 1}, torch::kFloat64)}, 1);
  }
  torch::Tensor one_hot() const {
    return torch::zeros({34, 3}, torch::kFloat64).scatter_(1, problem.labels.unsqueeze(1), 1.0);
  }
  torch::Tensor forgotten() const { return torch::tensor(forget, torch::kInt64); }
  torch::Tensor retained() const {
    auto is_retained = torch::ones({30}, torch::kBool);
    is_retained.index_fill_(0, forgotten(), 0);
    return is_retained.nonzero().flatten();
  }
  // Gradient (3, 7) by the weights of the mean cross-entropy over the points `index`.
  torch::Tensor label_gradient(const torch::Tensor& w, const torch::Tensor& index) const {
    const auto x = design().index_select(0, index);
    const auto shares = x.matmul(w.t()).softmax(1) - one_hot().index_select(0, index);
    return shares.t().matmul(x) / static_cast<double>(index.numel());
  }

  UnlearnTask task() const {
    return {.problem = problem, .forget = forget, .targets = targets, .seed = 5};
  }
};

}  // namespace expunge
