// What an experiment will take, told before anything begins.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "expunge/pipeline/run_config.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// What the models of one store take.
struct StoreCost {
  std::string name;  // folder within the experiment's
  int64_t models = 0;
  double sample_gradients = 0;  // of all of them (evaluate/cost.h)
  int64_t bytes = 0;            // on disk when it is finished
};

struct RunPlan {
  int64_t training_examples = 0;  // n
  int64_t points = 0;             // m
  int64_t classes = 0;            // C
  int64_t parameters = 0;         // of one model
  std::vector<StoreCost> stores;
  double sample_gradients_a_second = 0;  // measured here, all workers together
  int64_t workers = 0;
  int64_t training_memory = 0;     // bytes of this process while the rate was measured
  int64_t attribution_memory = 0;  // bytes: most that the estimator holds beside the data, about

  [[nodiscard]] int64_t models() const;
  [[nodiscard]] double sample_gradients() const;
  [[nodiscard]] int64_t bytes() const;
  /// At the rate that was measured; factorisations, products of attribution and evaluation come on top.
  [[nodiscard]] double seconds() const;
};

/// Reads data and forget sets, and trains on a few batches for some seconds to measure the rate
/// (train/training_rate.h). Writes nothing that stays. `unlearning`: the stores of unlearned models too.
/// Throws as Experiment and train_ensemble() do.
RunPlan plan_run(const RunConfig& config, bool unlearning, int64_t workers);

/// A row a store, and one for all.
TextTable plan_table(const RunPlan& plan);
/// Hours, disk, memory, and what they are told from, in a few lines.
std::string plan_words(const RunPlan& plan);

}  // namespace expunge
