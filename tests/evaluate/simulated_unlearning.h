// Models of which everything is known: margins linear in the mask, Gaussian over seeds.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <random>
#include <vector>

#include "evaluate/gaussian_margins.h"
#include "expunge/evaluate/klom_forecast.h"

namespace expunge {

/// n training examples and as many validation points, of alternating classes 0 and 1. A model's margin on
/// a point: 5 + 2 (j mod 7), minus `own` if it is an example that the model did not see, minus `coupling`
/// times 0.25 or 1.75 (every other point of a class) for each example of the point's class that it did not
/// see (the point apart), plus Normal(0, 1).
struct SimulatedUnlearning {
  int64_t n = 200;
  int64_t models = 100;
  double own = 4;
  double coupling = 0;

  [[nodiscard]] int64_t m() const { return 2 * n; }

  /// What a model without `left_out` (n flags) has on point j, seeds averaged out.
  [[nodiscard]] double mean(int64_t j, const std::vector<bool>& left_out) const {
    double margin = 5 + 2 * static_cast<double>(j % 7);
    int64_t others = 0;
    for (int64_t i = j % 2; i < n; i += 2) others += i != j && left_out[static_cast<size_t>(i)];
    if (j < n && left_out[static_cast<size_t>(j)]) margin -= own;
    const double response = j / 2 % 2 == 0 ? 0.25 : 1.75;
    return margin - coupling * response * static_cast<double>(others);
  }
  [[nodiscard]] torch::Tensor labels() const {
    auto labels = torch::empty({m()}, torch::kInt64);
    for (int64_t j = 0; j < m(); ++j) labels.data_ptr<int64_t>()[j] = j % 2;
    return labels;
  }
  [[nodiscard]] std::vector<bool> without(const std::vector<int64_t>& forget) const {
    std::vector<bool> flags(static_cast<size_t>(n), false);
    for (const int64_t j : forget) flags[static_cast<size_t>(j)] = true;
    return flags;
  }
  /// Margins (count, m) of models without `forget`.
  [[nodiscard]] torch::Tensor retrained(const std::vector<int64_t>& forget, int64_t count,
                                        unsigned seed) const {
    const auto flags = without(forget);
    std::vector<float> means;
    for (int64_t j = 0; j < m(); ++j) means.push_back(static_cast<float>(mean(j, flags)));
    std::mt19937 engine(seed);
    std::normal_distribution<float> normal;
    return table(count, m(), [&](int64_t, int64_t j) {
      return means[static_cast<size_t>(j)] + normal(engine);
    });
  }
  /// Subset models of alpha 0.8 by random partitions into fifths, full models, and held-out predictions
  /// that are wrong by `error` nats, up on even examples and down on odd ones.
  [[nodiscard]] ForecastModels ensembles(double error = 0) const {
    ForecastModels made;
    made.masks = torch::empty({models, n}, torch::kBool);
    made.margins = torch::empty({models, m()}, torch::kFloat32);
    made.held_out = torch::empty({models, m()}, torch::kFloat32);
    made.labels = labels();
    made.full_margins = retrained({}, models, 2);
    std::mt19937 engine(1);
    std::normal_distribution<float> normal;
    std::vector<int64_t> order(static_cast<size_t>(n));
    for (int64_t i = 0; i < models; ++i) {
      if (i % 5 == 0) {
        for (int64_t j = 0; j < n; ++j) order[static_cast<size_t>(j)] = j;
        std::shuffle(order.begin(), order.end(), engine);
      }
      std::vector<bool> out(static_cast<size_t>(n), false);
      for (int64_t k = i % 5; k < n; k += 5)
        out[static_cast<size_t>(order[static_cast<size_t>(k)])] = true;
      for (int64_t j = 0; j < m(); ++j) {
        const auto expected = static_cast<float>(mean(j, out));
        made.margins.data_ptr<float>()[i * m() + j] = expected + normal(engine);
        made.held_out.data_ptr<float>()[i * m() + j] =
            expected + static_cast<float>(j >= n      ? 0
                                          : j % 4 < 2 ? error
                                                      : -error);
        if (j < n) made.masks.data_ptr<bool>()[i * n + j] = !out[static_cast<size_t>(j)];
      }
    }
    return made;
  }
  /// The full models' margins moved by `share` of what removing `forget` truly does to the mean.
  [[nodiscard]] ForecastCase predicted(const ForecastModels& from,
                                       const std::vector<int64_t>& forget, double share) const {
    const auto flags = without(forget);
    const std::vector<bool> none(static_cast<size_t>(n), false);
    auto margins = from.full_margins.clone();
    for (int64_t j = 0; j < m(); ++j) {
      const auto move = static_cast<float>(share * (mean(j, flags) - mean(j, none)));
      for (int64_t i = 0; i < margins.size(0); ++i) margins.data_ptr<float>()[i * m() + j] += move;
    }
    return {forget, margins};
  }
};

}  // namespace expunge
