// An experiment as Slurm jobs that depend on each other:
//
//   train      job array: each task its share of the rows of the stores to be trained
//   attribute  what lost tasks have left undone, the stores finalised, predictions
//   unlearn    job array: each task its share of the unlearned models
//   evaluate   what lost tasks have left undone; tables and report
//
//   OUT/slurm/<job>.sh         scripts, which `sbatch` also takes by hand
//   OUT/slurm/<job>-<id>.log   what the jobs print
//   OUT/slurm/jobs.json        what was submitted
//
// A requeued task goes on with what is missing of its share. Where tasks end without having done theirs
// (out of time, out of memory), the job after the array does it, by itself: so that a stage ends whenever
// it can, and at once where it cannot.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "expunge/pipeline/run_config.h"
#include "expunge/pipeline/sweep_config.h"

namespace expunge {

/// What is to be run, by absolute paths.
struct SlurmRequest {
  std::filesystem::path program;  // of the command line
  std::filesystem::path config;
  std::filesystem::path folder;          // OUT
  std::filesystem::path grid;            // of a sweep; empty without
  std::filesystem::path working_folder;  // what relative paths in the configuration start from
  int64_t tasks = 1;                     // of an array, at most
  bool count_workers =
      true;  // a worker for each CPU that Slurm gives a task; false on CUDA devices
  std::vector<std::string> flags;           // of the command line, for every job: --device cuda
  std::vector<std::string> sbatch_options;  // the user's: --time=2:00:00, -p, gpu

  /// OptionError for fewer than 1 task and for control characters, which a script cannot hold.
  void validate() const;
};

struct SlurmJob {
  std::string name;    // train, attribute, unlearn, evaluate
  int64_t tasks = 1;   // of the array; 1: no array
  std::string script;  // whole text
  // Names of jobs that must have ended before, and of ones that must have succeeded.
  std::vector<std::string> after_any;
  std::vector<std::string> after_ok;
};

/// The jobs that are still needed, in order: a stage is left out whose stores are complete. Throws what
/// experiment_status() throws.
std::vector<SlurmJob> plan_slurm(const SlurmRequest& request, const RunConfig& config,
                                 const SweepConfig* sweep);

/// The call that submits a job, where `ids` are those of the jobs before it (or stand for them).
std::vector<std::string> sbatch_call(const SlurmRequest& request, const SlurmJob& job,
                                     const std::vector<std::pair<std::string, std::string>>& ids);

struct SubmittedJob {
  std::string name;
  std::string id;  // Slurm's
  int64_t tasks = 1;
};

/// Writes the scripts and submits them. InputError where jobs that were submitted for this folder before
/// are still in Slurm's queue; SystemError with sbatch's words where it refuses, after the jobs that were
/// submitted already have been cancelled.
std::vector<SubmittedJob> submit_slurm(const SlurmRequest& request,
                                       const std::vector<SlurmJob>& jobs);

/// What was submitted for a folder, and for which sweep.
struct SlurmRecord {
  std::filesystem::path grid;
  std::vector<SubmittedJob> jobs;
};
/// Nothing where nothing was; InputError if the record is not sound.
std::optional<SlurmRecord> read_slurm_record(const std::filesystem::path& folder);

/// A submitted job's tasks in Slurm's queue, by state: {"RUNNING", 3}.
struct QueuedJob {
  SubmittedJob job;
  std::vector<std::pair<std::string, int64_t>> states;
};
/// The jobs that are still in the queue. SystemError if squeue fails or does not answer.
std::vector<QueuedJob> queued_jobs(const SlurmRecord& record);

}  // namespace expunge
