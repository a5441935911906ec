// Attribution by gradients of models that were trained on all of S, instead of fits to many trainings.
//
// An approximation of a training's optimum says how the parameters of a trained model move if examples
// are removed; what its logits do is the product of that with their gradients. Averaged over models of
// several seeds. The kinds differ in how the parameters move: trak.h, ekfac.h.
//
// Scale. Such approximations hold near the optimum of a convex problem. For networks that know their
// training set by heart the predicted changes are many times too small: fit_multiplier() of multiplier.h
// finds the factor by subset models.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "expunge/attribution/attributor.h"
#include "expunge/train/problem.h"

namespace expunge {

/// Models of several seeds that were trained on all of S: load(i) for i in [0, count).
struct TrainedModels {
  int64_t count = 0;
  std::function<std::unique_ptr<LayeredNetwork>(int64_t)> load;
};

/// What one model says, made for it and dropped after it.
class ModelEffects {
 public:
  virtual ~ModelEffects() = default;
  /// (p) predicted change of the parameters if the examples are removed.
  [[nodiscard]] virtual torch::Tensor parameter_change(std::span<const int64_t> removal) = 0;
  /// (n, P) float32: score of each training example on the margins of P evaluation points.
  [[nodiscard]] virtual torch::Tensor scores(std::span<const int64_t> points) = 0;
};

/// Scores of n training examples on P points' margins, in nats: positive where training on the example
/// raises the margin.
struct GradientScores {
  torch::Tensor mean;            // (n, P) float32, over models
  torch::Tensor standard_error;  // (n, P) float32 of that mean; undefined for one model
};

class GradientAttributor : public Attributor {
 public:
  /// Takes the first `at_most` of the models. The problem must outlive the attributor. InputError for no
  /// models.
  GradientAttributor(TrainedModels models, int64_t at_most, const Problem& problem,
                     int64_t workers);

  [[nodiscard]] torch::Tensor removal_shifts(
      std::span<const std::vector<int64_t>> removals) const final;

  /// InputError for a point out of range.
  [[nodiscard]] GradientScores scores(std::span<const int64_t> points) const;

 protected:
  [[nodiscard]] virtual std::unique_ptr<ModelEffects> effects_of(const LayeredNetwork& network,
                                                                 int64_t model) const = 0;

  [[nodiscard]] const Problem& problem() const { return problem_; }
  [[nodiscard]] int64_t workers() const { return workers_; }

 private:
  TrainedModels models_;
  const Problem& problem_;
  int64_t workers_;
};

}  // namespace expunge
