// expunge reproduce: the paper's figures, each a run of its own.

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/pipeline/figures.h"
#include "expunge/pipeline/sweep.h"
#include "stages.h"

namespace expunge::app {
namespace {

struct ReproduceFlags {
  std::string figure;
  std::string scale = "small";
  std::string data;
  std::string out;
  bool dry_run = false;
  ComputeFlags compute;
  CommonFlags common;
};

// What a figure's grid adds to the experiment's models.
std::string grid_words(const FigureGrid& grid, const RunConfig& config) {
  int64_t subset_models = 0;
  std::string students;
  if (grid.sweep) {
    for (const auto& datamodels : grid.sweep->datamodels) subset_models += datamodels.subset_models;
    students = fmt::format(
        "{} cells for each of {} forget sets, {} unlearned models a cell, at costs that are their "
        "methods' (0 to about 1 training each)",
        grid.sweep->cells.size(), config.forget_sets.size(), config.ensembles.full_models);
  }
  if (grid.counts) {
    for (const auto& ensemble : grid.counts->ensembles) subset_models += ensemble.subset_models;
  }
  if (subset_models > 0) {
    students += fmt::format("{}{} subset models more", students.empty() ? "" : "; ", subset_models);
  }
  return students.empty() ? "" : "On top: " + students + ".";
}

void run(const ReproduceFlags& flags) {
  const auto start = std::chrono::steady_clock::now();
  const auto& spec = figure_spec(flags.figure);
  const auto configs = share_folder() / "configs" / "reproduce";
  auto config = read_run_config(configs / (spec.experiment + flags.scale + ".toml"));
  if (!flags.data.empty()) config.data.path = flags.data;
  apply(flags.compute, config.compute);
  const auto folder = output_folder(flags.out, config);
  const auto grid = read_grid(spec, configs);
  if (flags.dry_run) return print_plan(config, false, flags.common, grid_words(grid, config));
  const auto progress = make_progress(flags.common);
  const Experiment experiment(std::move(config), folder, flags.common.workers, progress.get());
  experiment.train();
  if (experiment.needs_attribution()) experiment.attribute();
  run_grid(experiment, grid);
  const auto figure = write_figure(experiment, spec, configs);
  const auto page = (folder / "figures.html").string();
  if (flags.common.json) {
    nlohmann::ordered_json files = nlohmann::ordered_json::array();
    for (const auto& file : figure.section.files) files.push_back((folder / file).string());
    print_json({{"figure", spec.name},
                {"says", figure.section.sentence},
                {"page", page},
                {"files", files}});
  } else {
    std::printf("%s\n%s\n", figure.section.heading.c_str(), figure.section.sentence.c_str());
    for (const auto& [heading, table] : figure.section.tables) {
      std::printf("\n%s%s%s", heading.c_str(), heading.empty() ? "" : "\n", table.text().c_str());
    }
    std::printf("\nPage: %s\n", page.c_str());
  }
  if (!flags.common.quiet) {
    std::fprintf(stderr, "done in %.1f s\n",
                 std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
}

std::string figures_help() {
  std::string text = "Figures:\n";
  for (const auto& spec : figure_specs())
    text += fmt::format("  {:<11} {}\n", spec.name, spec.about);
  return text;
}

}  // namespace

void register_reproduce(CLI::App& app) {
  auto* command = app.add_subcommand(
      "reproduce",
      "Make a figure of the paper by running it: pictures, numbers, and a page. Can be "
      "interrupted; the same command goes on");
  const auto flags = std::make_shared<ReproduceFlags>();
  std::vector<std::string> names;
  for (const auto& spec : figure_specs()) names.push_back(spec.name);
  command->add_option("figure", flags->figure, "Which one, see below")
      ->required()
      ->check(CLI::IsMember(names));
  command
      ->add_option("--scale", flags->scale,
                   "small: Fashion-MNIST, minutes on two cores; cifar: CIFAR-10 at 16 x 16 and a "
                   "small convolutional net, hours; paper: CIFAR-10 and ResNet-9, a cluster or GPU "
                   "[small]")
      ->check(CLI::IsMember({"small", "cifar", "paper"}));
  command->add_option("--data", flags->data,
                      "Folder of the data, instead of the scale's own (cifar and paper need one)");
  command->add_option("--out", flags->out, "Folder of the run [runs/<scale's name>]");
  add_dry_run_flag(*command, flags->dry_run);
  add_compute_flags(*command, flags->compute);
  add_common_flags(*command, flags->common);
  command->footer(figures_help);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
