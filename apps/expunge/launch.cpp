// expunge launch slurm: an experiment as jobs of a cluster.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/distribute/program.h"
#include "expunge/distribute/slurm.h"
#include "expunge/pipeline/experiment.h"
#include "expunge/pipeline/sweep_config.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct LaunchFlags {
  ExperimentFlags experiment;
  int64_t tasks = 1;
  std::string grid;
  std::vector<std::string> sbatch_options;
  bool dry_run = false;
};

SlurmRequest request_of(const LaunchFlags& flags, const RunConfig& config) {
  SlurmRequest request;
  request.program = fs::read_symlink("/proc/self/exe");
  request.config = fs::absolute(flags.experiment.config);
  request.folder = fs::absolute(output_folder(flags.experiment.out, config)).lexically_normal();
  if (!flags.grid.empty()) request.grid = fs::absolute(flags.grid);
  request.working_folder = fs::current_path();
  request.tasks = flags.tasks;
  request.count_workers = config.compute.device == "cpu";
  for (const auto& [name, text] : flags.experiment.compute.given)
    request.flags.insert(request.flags.end(), {"--" + kebab_case(name), text});
  request.sbatch_options = flags.sbatch_options;
  return request;
}

// What would be submitted; ids stand for those that sbatch would give.
void show(const SlurmRequest& request, const std::vector<SlurmJob>& jobs, bool json) {
  std::vector<std::pair<std::string, std::string>> ids;
  auto list = nlohmann::ordered_json::array();
  for (const auto& job : jobs) {
    const auto words = sbatch_call(request, job, ids);
    ids.emplace_back(job.name, "ID_OF_" + job.name);
    if (json) {
      list.push_back(
          {{"name", job.name}, {"tasks", job.tasks}, {"command", words}, {"script", job.script}});
    } else {
      std::printf("# %s:\n%s\n", shell_line(words).c_str(), job.script.c_str());
    }
  }
  if (json) print_json({{"folder", request.folder.string()}, {"jobs", list}});
}

void run(const LaunchFlags& flags) {
  auto config = read_config(flags.experiment);
  std::optional<SweepConfig> sweep;
  if (!flags.grid.empty()) sweep = read_sweep_config(flags.grid);
  const auto request = request_of(flags, config);
  const auto jobs = plan_slurm(request, config, sweep ? &*sweep : nullptr);
  if (flags.dry_run) return show(request, jobs, flags.experiment.common.json);
  if (!is_program("sbatch")) {
    fail<InputError>(
        "sbatch required, not found in PATH; --dry-run prints what would be submitted");
  }
  {
    // Reads data and forget sets and claims the folder: what is wrong with them shows here, not in a
    // hundred logs.
    config.compute.device = "cpu";  // this machine need not have the device
    const Experiment experiment(std::move(config), request.folder);
  }
  const auto submitted = submit_slurm(request, jobs);
  if (flags.experiment.common.json) {
    auto list = nlohmann::ordered_json::array();
    for (const auto& job : submitted)
      list.push_back({{"name", job.name}, {"id", job.id}, {"tasks", job.tasks}});
    return print_json({{"folder", request.folder.string()}, {"jobs", list}});
  }
  for (const auto& job : submitted) {
    std::printf("job %s: %s%s\n", job.id.c_str(), job.name.c_str(),
                job.tasks > 1 ? fmt::format(", {} tasks", job.tasks).c_str() : "");
  }
  std::printf("\nHow far they are: expunge status %s\n",
              shell_quoted(request.folder.string()).c_str());
}

}  // namespace

void register_launch(CLI::App& app) {
  auto* command = app.add_subcommand(
      "launch", "Run an experiment, or a sweep, as jobs of a cluster that shares a file system");
  command->require_subcommand(1);
  auto* slurm = command->add_subcommand(
      "slurm",
      "Submit it to Slurm: job arrays for training and unlearning, and a job after each that "
      "finishes it. The same command again goes on with what is missing");
  const auto flags = std::make_shared<LaunchFlags>();
  add_experiment_flags(*slurm, flags->experiment, /*with_workers=*/false);
  slurm->add_option("--tasks", flags->tasks, "Tasks of each job array, at most [1]");
  slurm->add_option("--sweep", flags->grid,
                    "Grid (TOML): run it as expunge sweep does, instead of expunge run");
  slurm->add_flag("--dry-run", flags->dry_run, "Print the scripts; write and submit nothing");
  slurm->add_option("sbatch", flags->sbatch_options,
                    "After --: options of sbatch for every job, such as -- --time=2:00:00 -p cpu");
  slurm->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
