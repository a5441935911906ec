// The stores that an experiment consists of, known from its configuration alone.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/pipeline/run_config.h"
#include "expunge/pipeline/sweep_config.h"

namespace expunge {

struct PlannedStore {
  std::string name;              // of the ensemble
  std::filesystem::path folder;  // within the experiment's
  int64_t models = 0;
  bool unlearned = false;       // made from full models and predictions, once these are there
  std::string forget_set = {};  // of oracles and unlearned models
};

/// Students of oracle matching: one for each full model that has an oracle to follow.
int64_t matched_models(const EnsembleOptions& ensembles);

/// The stores that `expunge run` fills, in its order; with a sweep, those that `expunge sweep` fills.
std::vector<PlannedStore> planned_stores(const RunConfig& config,
                                         const SweepConfig* sweep = nullptr);

}  // namespace expunge
