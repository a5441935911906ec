// run, train, attribute, unlearn, evaluate, report, quickstart: the stages of an experiment.

#include "stages.h"

namespace expunge::app {
namespace {

CLI::App* register_stages(CLI::App& app, const std::string& name, const std::string& help,
                          const Stages& stages) {
  auto* command = app.add_subcommand(name, help);
  const auto flags = std::make_shared<ExperimentFlags>();
  add_experiment_flags(*command, *flags);
  if (stages.train) add_dry_run_flag(*command, flags->dry_run);
  command->callback([flags, stages] { run_stages(*flags, stages); });
  return command;
}

// A configuration with every key at its default, as a file that may be copied and changed.
std::string configuration_help() {
  RunConfig defaults;
  defaults.forget_sets.push_back(
      {.name = "mine", .file = "mine.txt", .description = "what is forgotten"});
  return "Configuration file: keys that are not set have these values.\n\n" +
         to_toml(defaults, /*comments=*/true);
}

}  // namespace

void register_run(CLI::App& app) {
  register_stages(app, "run",
                  "Run a whole experiment from one file: train, attribute, unlearn, evaluate. Can "
                  "be interrupted; the same command goes on",
                  {.train = true, .attribute = true, .unlearn = true, .evaluate = true})
      ->footer(configuration_help);
}

void register_quickstart(CLI::App& app) {
  auto* command = app.add_subcommand(
      "quickstart",
      "The shipped experiment: forget 20 images of Fashion-MNIST, twice, and measure how well");
  const auto flags = std::make_shared<ExperimentFlags>();
  command->add_option("--out", flags->out, "Folder of the experiment [runs/quickstart]");
  add_compute_flags(*command, flags->compute);
  add_common_flags(*command, flags->common);
  command->callback([flags] {
    flags->config = (share_folder() / "configs" / "quickstart.toml").string();
    run_stages(*flags, {.train = true, .attribute = true, .unlearn = true, .evaluate = true});
  });
}

void register_train(CLI::App& app) {
  register_stages(
      app, "train",
      "Train the ensembles of an experiment: full, subset, and oracles of each forget set",
      {.train = true});
}

void register_attribute(CLI::App& app) {
  register_stages(app, "attribute",
                  "Fit the datamodels of a trained experiment and predict each removal shift",
                  {.attribute = true});
}

void register_evaluate(CLI::App& app) {
  register_stages(
      app, "evaluate",
      "Measure an experiment: print its tables, write table.csv, table.json, report.html",
      {.evaluate = true});
}

void register_report(CLI::App& app) {
  register_stages(app, "report", "Write report.html and the tables of a finished experiment",
                  {.evaluate = true});
}

}  // namespace expunge::app
