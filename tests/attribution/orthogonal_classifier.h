// A binary classifier whose retraining is known in closed form.
#pragma once

#include <ATen/ATen.h>

#include <cmath>
#include <vector>

#include "expunge/attribution/gradient_attributor.h"

namespace expunge {

/// Examples see one of four inputs each, eight an input, six of them of one class: without penalty the
/// optimal logit difference of an input is the logarithm of its classes' weights' ratio. The Fisher
/// matrix is 3/16 times (second moment of the inputs) x [1 -1; -1 1]: an exact Kronecker product.
struct OrthogonalClassifier {
  static constexpr int64_t inputs = 4;
  static constexpr int64_t of_each = 8;
  static constexpr int64_t n = inputs * of_each;
  static constexpr int64_t m = n + inputs;

  OrthogonalClassifier() {
    problem.inputs = torch::zeros({m, 1, 1, inputs});
    problem.labels = torch::zeros({m}, torch::kInt64);
    for (int64_t i = 0; i < m; ++i) {
      problem.inputs[i][0][0][input_of(i)] = 1;
      const bool common = i >= n || i / inputs < 6;
      problem.labels[i] = common ? input_of(i) % 2 : 1 - input_of(i) % 2;
    }
    problem.training = {problem.inputs.narrow(0, 0, n), problem.labels.narrow(0, 0, n)};
    problem.shape = {1, 1, inputs, 2};
  }

  static int64_t input_of(int64_t example) { return example % inputs; }

  /// The optimum.
  std::unique_ptr<LayeredNetwork> trained() const {
    auto network = make_network({.hidden = {}, .dtype = DtypeKind::float64}, problem.shape);
    network->parameters().zero_();
    const auto difference = differences(torch::ones({n}, torch::kFloat64));
    auto weight = network->state()[0].second;
    weight[0].copy_(-difference / 2);
    weight[1].copy_(difference / 2);
    return network;
  }
  TrainedModels models() const {
    return {1, [this](int64_t) { return trained(); }};
  }

  /// Margins (m) of the model that is trained with weights (n) on the examples.
  torch::Tensor retrained_margins(const torch::Tensor& weights) const {
    const auto difference = differences(weights);
    const auto of = difference.index_select(0, torch::arange(m) % inputs);
    return of * (2 * problem.labels.to(torch::kFloat64) - 1);
  }

  Problem problem;

 private:
  torch::Tensor differences(const torch::Tensor& weights) const {
    auto difference = torch::zeros({inputs}, torch::kFloat64);
    for (int64_t input = 0; input < inputs; ++input) {
      double of[2] = {0, 0};
      for (int64_t i = input; i < n; i += inputs)
        of[problem.labels[i].item<int64_t>()] += weights[i].item<double>();
      difference[input] = std::log(of[1] / of[0]);
    }
    return difference;
  }
};

}  // namespace expunge
