// Filling a store with unlearned models: row i is full model i, unlearned by one method.
//
//   STORE/work/NNNNN.json        where no weights are kept: what the row cost
//   STORE/trajectory/NNNNN.npy   (T, m) float32 margins before the first pass and after each, where
//                                asked for
#pragma once

#include <functional>

#include "expunge/pipeline/experiment.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge {

/// What an unlearned store's models are.
struct UnlearnedSpec {
  std::string name;     // of the ensemble; enters the seeds
  int64_t models = 0;   // the first of the full models
  bool weights = true;  // keep the models, with what they cost in their metadata
  bool trajectory = false;
  std::map<std::string, std::string> settings;  // what decides the models, beside the recipe
  /// (m, C) float32 targets of a row; empty for methods that have none.
  std::function<torch::Tensor(int64_t row)> targets;
  RowShare share = {};  // the rows that this process makes
};

/// Opens or makes the store in `folder` and fills the rows that it lacks; resumable as every store
/// is. NonFiniteError names the model that diverged.
EnsembleStore fill_unlearned(const Experiment& experiment, const ForgetSet& set,
                             const std::filesystem::path& folder, const Unlearner& unlearner,
                             const UnlearnedSpec& spec);

/// What unlearning one model cost, mean over a store's models.
struct UnlearnedWork {
  double sample_gradients = 0;
  double seconds = 0;  // of one thread; 0 where weights are kept, whose files hold no times
};

/// InputError names a file that does not say what its model cost.
UnlearnedWork mean_work(const EnsembleStore& store);

/// A method's course, mean over a store's models. T: passes and one.
struct Trajectory {
  torch::Tensor margins;                 // (T, m) float32, nats
  std::vector<double> sample_gradients;  // (T), the first 0
};

/// InputError if the store keeps no trajectories, or they do not fit together.
Trajectory mean_trajectory(const EnsembleStore& store);

}  // namespace expunge
