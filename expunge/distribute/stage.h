// The stages of an experiment as several processes work through them, on one machine or many.
//
// Processes that share a stage agree on their rows by arithmetic (train/row_share.h), write to shards of
// their own (train/shard.h), and never wait for each other. Afterwards one process is run with the whole
// stage: it makes what lost ones have left undone, and finalises the stores.
#pragma once

#include "expunge/pipeline/experiment.h"
#include "expunge/pipeline/sweep_config.h"

namespace expunge {

enum class Stage {
  train,      // subset models, full models, oracles; with a sweep its subset models too
  attribute,  // predictions, from all of these; not to be shared
  unlearn,    // unlearned models, from full models and predictions; with a sweep its cells instead
};

std::string to_string(Stage stage);
/// OptionError if there is no such stage.
Stage stage_named(const std::string& name);

/// OptionError for a task that is none, and for a share of `attribute`.
void check_share(Stage stage, const RowShare& share);

/// Fills the share's rows of every store of the stage, as far as they are missing; of the whole, all
/// rows, and finalises the stores. Throws as check_share() does; InputError if an earlier stage is not
/// finished.
void run_stage(const Experiment& experiment, const SweepConfig* sweep, Stage stage,
               const RowShare& share);

/// Rows of all stores of the stage.
int64_t stage_rows(const RunConfig& config, const SweepConfig* sweep, Stage stage);

}  // namespace expunge
