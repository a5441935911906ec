// How far an experiment is: which rows of its stores are done, at work, failed, by whomever.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/distribute/task_journal.h"
#include "expunge/pipeline/planned_stores.h"
#include "expunge/report/text_table.h"

namespace expunge {

struct StoreStatus {
  PlannedStore store;
  int64_t done = 0;
  int64_t running = 0;  // at work in a living task
  int64_t failed = 0;   // given up with an error, by a task that nobody has run again
  bool finalised = false;
  std::string diverged;  // of a sweep's cell that is left: which model and step
  [[nodiscard]] int64_t waiting() const { return store.models - done - running - failed; }
};

struct ExperimentStatus {
  std::filesystem::path folder;
  std::string name;
  std::vector<StoreStatus> stores;
  int64_t predictions = 0;  // forget sets whose predicted shift is there
  int64_t forget_sets = 0;
  std::vector<TaskRecord> tasks;
};

/// Reads the folder alone: no data set, and of the stores' rows only their numbers. Rows that are there
/// are done, whatever tasks say. A store that nobody has begun has all its rows waiting; InputError for
/// one whose description is not sound. With a sweep, its stores.
ExperimentStatus experiment_status(const std::filesystem::path& folder, const RunConfig& config,
                                   const SweepConfig* sweep = nullptr);

/// A line a store.
TextTable status_table(const ExperimentStatus& status);
std::string status_json(const ExperimentStatus& status);

}  // namespace expunge
