#include "expunge/pipeline/planned_stores.h"

#include <algorithm>

#include "expunge/pipeline/sweep.h"

namespace expunge {
namespace {

PlannedStore store_named(const std::string& name, int64_t models, bool unlearned = false,
                         const std::string& set = {}) {
  return {
      .name = name, .folder = name, .models = models, .unlearned = unlearned, .forget_set = set};
}

}  // namespace

int64_t matched_models(const EnsembleOptions& ensembles) {
  const int64_t judges = ensembles.oracle_models / 2;
  return std::min(ensembles.full_models, ensembles.oracle_models - judges);
}

std::vector<PlannedStore> planned_stores(const RunConfig& config, const SweepConfig* sweep) {
  const auto& e = config.ensembles;
  std::vector<PlannedStore> stores = {store_named("subset", e.subset_models),
                                      store_named("full", e.full_models)};
  for (const auto& set : config.forget_sets)
    stores.push_back(store_named("oracle-" + set.name, e.oracle_models, false, set.name));
  if (sweep == nullptr) {
    for (const auto& set : config.forget_sets) {
      stores.push_back(store_named("dmm-" + set.name, e.full_models, true, set.name));
      stores.push_back(store_named("matched-" + set.name, matched_models(e), true, set.name));
    }
    return stores;
  }
  for (const auto& datamodels : sweep->datamodels) {
    if (datamodels.subset_models > 0)
      stores.push_back(store_named("subset@" + datamodels.name, datamodels.subset_models));
  }
  for (const auto& set : config.forget_sets) {
    for (const auto& cell : sweep->cells) {
      if (!cell.prediction) stores.push_back(cell_store(config, set.name, cell, *sweep));
    }
  }
  return stores;
}

}  // namespace expunge
