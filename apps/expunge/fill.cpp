// expunge fill: one task's part of a stage, for job arrays and for several machines.

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/distribute/task_journal.h"

namespace expunge::app {
namespace {

struct FillFlags {
  ExperimentFlags experiment;
  std::string stage;
  std::string task = "1/1";
  std::string grid;
};

// "3/100": the third of a hundred.
RowShare share_in(const std::string& text) {
  const auto* begin = text.data();
  const auto* end = begin + text.size();
  int64_t task = 0;
  RowShare share;
  const auto first = std::from_chars(begin, end, task);
  const bool has_total = first.ec == std::errc{} && first.ptr != end && *first.ptr == '/';
  const auto second = has_total ? std::from_chars(first.ptr + 1, end, share.tasks) : first;
  if (!has_total || second.ec != std::errc{} || second.ptr != end)
    fail<OptionError>("option task: I/N required, such as 3/100, got \"{}\"", text);
  share.task = task - 1;
  return share;
}

void run(const FillFlags& flags) {
  const auto stage = stage_named(flags.stage);
  const auto share = share_in(flags.task);
  check_share(stage, share);
  auto config = read_config(flags.experiment);
  const auto folder = output_folder(flags.experiment.out, config);
  std::optional<SweepConfig> sweep;
  if (!flags.grid.empty()) sweep = read_sweep_config(flags.grid);
  const auto shown = make_progress(flags.experiment.common);
  TaskJournal journal(folder, stage, share, shown.get());
  journal.run([&] {
    const Experiment experiment(std::move(config), folder, flags.experiment.common.workers,
                                &journal);
    run_stage(experiment, sweep ? &*sweep : nullptr, stage, share);
  });
  if (flags.experiment.common.json) {
    print_json({{"folder", folder.string()},
                {"stage", to_string(stage)},
                {"task", share.task + 1},
                {"tasks", share.tasks}});
  }
}

}  // namespace

void register_fill(CLI::App& app) {
  auto* command = app.add_subcommand(
      "fill",
      "Work through one task's rows of a stage, beside other tasks on other machines that share "
      "the "
      "file system. What Slurm's jobs run (expunge launch); for other schedulers, by hand");
  const auto flags = std::make_shared<FillFlags>();
  add_experiment_flags(*command, flags->experiment);
  command
      ->add_option("--stage", flags->stage,
                   "train, attribute (not to be shared) or unlearn; each once the one before it is "
                   "complete")
      ->required();
  command->add_option("--task", flags->task,
                      "Which rows, I/N: those of task I of N. All of them, the last one to be run, "
                      "finishes the stage [1/1]");
  command->add_option("--sweep", flags->grid,
                      "Grid (TOML) of a sweep, whose subset models and cells are filled");
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
