// expunge status: how far an experiment is.

#include "expunge/distribute/status.h"

#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/distribute/program.h"
#include "expunge/distribute/slurm.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct StatusFlags {
  std::string where;
  std::string out;
  std::string grid;
  CommonFlags common;
};

struct FoundExperiment {
  fs::path folder;
  RunConfig config;
};

// An experiment by its folder, or by its configuration file.
FoundExperiment find_experiment(const StatusFlags& flags) {
  FoundExperiment found;
  if (fs::is_directory(flags.where)) {
    if (!flags.out.empty())
      fail<OptionError>("--out: a configuration file beside it required, got the folder {}",
                        flags.where);
    found.folder = flags.where;
  } else {
    found.folder = output_folder(flags.out, read_run_config(flags.where));
  }
  require_experiment(found.folder);
  found.config = read_run_config(found.folder / "config.toml");
  return found;
}

void print_queue(const SlurmRecord& record) {
  for (const auto& [job, states] : queued_jobs(record)) {
    std::string text;
    for (const auto& [state, count] : states)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, state);
    std::printf("job %s (%s): %s\n", job.id.c_str(), job.name.c_str(), text.c_str());
  }
}

// Lost and failed tasks one by one, the others in numbers.
void print_tasks(const ExperimentStatus& status) {
  std::map<std::string, int64_t> counts;
  for (const auto& task : status.tasks) ++counts[state_of(task)];
  std::string text;
  for (const auto& [state, count] : counts)
    text += fmt::format("{}{} {}", text.empty() ? "tasks: " : ", ", count, state);
  if (!text.empty()) std::printf("%s\n", text.c_str());
  for (const auto& task : status.tasks) {
    if (!task.is_lost() && task.state != TaskState::failed) continue;
    const auto line =
        fmt::format("{} {}/{}{}, on {}: {}", task.stage, task.task, task.tasks,
                    task.job.empty() ? "" : fmt::format(", job {}", task.job), task.host,
                    task.is_lost() ? fmt::format("lost, silent for {:.0f} s", task.silent_seconds)
                                   : task.message);
    std::printf("%s\n", line.c_str());
  }
}

void run(const StatusFlags& flags) {
  const auto [folder, config] = find_experiment(flags);
  const auto record = read_slurm_record(folder);
  auto grid = fs::path(flags.grid);
  if (grid.empty() && record && fs::exists(record->grid)) grid = record->grid;
  std::optional<SweepConfig> sweep;
  if (!grid.empty()) sweep = read_sweep_config(grid);
  const auto status = experiment_status(folder, config, sweep ? &*sweep : nullptr);
  if (flags.common.json) {
    std::fputs(status_json(status).c_str(), stdout);
    return;
  }
  std::printf("%s in %s\n%s", status.name.c_str(), folder.string().c_str(),
              status_table(status).text().c_str());
  std::printf("predicted shifts: %lld of %lld forget sets\n",
              static_cast<long long>(status.predictions),
              static_cast<long long>(status.forget_sets));
  print_tasks(status);
  if (record && is_program("squeue")) print_queue(*record);
}

}  // namespace

void register_status(CLI::App& app) {
  auto* command = app.add_subcommand("status",
                                     "Show how far an experiment is: models done, at work and "
                                     "failed in each of its stores, and the "
                                     "tasks that work on them");
  const auto flags = std::make_shared<StatusFlags>();
  command->add_option("experiment", flags->where, "Its folder, or its configuration file (TOML)")
      ->required();
  command->add_option("--out", flags->out,
                      "With a configuration file: the experiment's folder [runs/<name>]");
  command->add_option("--sweep", flags->grid,
                      "Grid (TOML): the stores of this sweep [the one that was launched, if any]");
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
