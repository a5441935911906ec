// expunge sweep: a grid of methods and options on an experiment.

#include "expunge/pipeline/sweep.h"

#include <cstdio>

#include "command.h"
#include "expunge/core/atomic_file.h"

namespace expunge::app {
namespace {

void run(const ExperimentFlags& flags, const std::string& grid) {
  const auto sweep = read_sweep_config(grid);
  auto config = read_config(flags);
  const auto folder = output_folder(flags.out, config);
  const auto progress = make_progress(flags.common);
  const Experiment experiment(std::move(config), folder, flags.common.workers, progress.get());
  experiment.train();
  if (experiment.needs_attribution()) experiment.attribute();
  run_sweep(experiment, sweep);
  const auto results = sweep_results(experiment, sweep);
  const auto place = (folder / "sweep" / sweep.name).string();
  std::filesystem::create_directories(folder / "sweep");  // predictions alone leave no cells there
  write_file_atomically(place + ".csv", sweep_csv(results));
  write_file_atomically(place + ".json", sweep_json(results));
  for (const auto& set : experiment.forget_sets()) {
    write_file_atomically(fmt::format("{}-{}.svg", place, set.config.name),
                          sweep_picture(set, results));
  }
  if (flags.common.json) {
    std::fputs(sweep_json(results).c_str(), stdout);
    return;
  }
  for (const auto& set : experiment.forget_sets()) {
    std::printf("%s: KLoM in nats, 95th percentile over points; each method's best cells\n%s\n",
                set.config.name.c_str(), sweep_table(results, set.config.name).text().c_str());
  }
  std::printf(
      "Chosen by oracles: least average KLoM, which only those know who have retrained. Without "
      "oracles: the losses that examples never seen would have.\nAll cells: %s.csv; pictures: "
      "%s-*.svg\n",
      place.c_str(), place.c_str());
}

}  // namespace

void register_sweep(CLI::App& app) {
  auto* command = app.add_subcommand(
      "sweep",
      "Run a grid of unlearning methods and options on an experiment, and compare them. Can be "
      "interrupted; finished cells are never run again");
  const auto flags = std::make_shared<ExperimentFlags>();
  const auto grid = std::make_shared<std::string>();
  add_experiment_flags(*command, *flags);
  command->add_option("grid", *grid, "The grid (TOML): [[method]] and [[datamodels]] tables")
      ->required();
  command->callback([flags, grid] { run(*flags, *grid); });
}

}  // namespace expunge::app
