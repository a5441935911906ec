#include "expunge/distribute/stage.h"

#include "expunge/core/error.h"
#include "expunge/pipeline/datamodels.h"
#include "expunge/pipeline/planned_stores.h"
#include "expunge/pipeline/sweep.h"

namespace expunge {
namespace {

void train_stage(const Experiment& experiment, const SweepConfig* sweep, RowShare share) {
  share.is_whole() ? experiment.train() : experiment.train_share(share);
  if (sweep == nullptr) return;
  share = share.after(stage_rows(experiment.config(), nullptr, Stage::train));
  for (const auto& datamodels : sweep->datamodels) {
    if (datamodels.subset_models == 0) continue;  // the experiment's own
    train_subset_models(experiment, datamodels.name, datamodels.subset_models, datamodels.masks,
                        share);
    share = share.after(datamodels.subset_models);
  }
}

void attribute_stage(const Experiment& experiment, const SweepConfig* sweep) {
  if (experiment.needs_attribution()) experiment.attribute();
  if (sweep == nullptr) return;
  for (const auto& datamodels : sweep->datamodels) make_datamodels(experiment, datamodels);
}

}  // namespace

std::string to_string(Stage stage) {
  switch (stage) {
    case Stage::train:
      return "train";
    case Stage::attribute:
      return "attribute";
    default:
      return "unlearn";
  }
}

Stage stage_named(const std::string& name) {
  for (const auto stage : {Stage::train, Stage::attribute, Stage::unlearn}) {
    if (to_string(stage) == name) return stage;
  }
  fail<OptionError>("option stage: train, attribute or unlearn required, got \"{}\"", name);
}

void check_share(Stage stage, const RowShare& share) {
  share.validate();
  if (stage == Stage::attribute && !share.is_whole())
    fail<OptionError>("stage attribute: one task required, got {}", share.tasks);
}

void run_stage(const Experiment& experiment, const SweepConfig* sweep, Stage stage,
               const RowShare& share) {
  check_share(stage, share);
  switch (stage) {
    case Stage::train:
      return train_stage(experiment, sweep, share);
    case Stage::attribute:
      return attribute_stage(experiment, sweep);
    case Stage::unlearn:
      return sweep == nullptr ? experiment.unlearn_share(share)
                              : run_cells(experiment, *sweep, share);
  }
}

int64_t stage_rows(const RunConfig& config, const SweepConfig* sweep, Stage stage) {
  int64_t rows = 0;
  for (const auto& store : planned_stores(config, sweep)) {
    if (stage != Stage::attribute && store.unlearned == (stage == Stage::unlearn))
      rows += store.models;
  }
  return rows;
}

}  // namespace expunge
