// expunge forecast: how near to retraining unlearning will come, before any of it.

#include "expunge/pipeline/forecast.h"

#include <cstdio>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/report/forecast_section.h"

namespace expunge::app {
namespace {

struct ForecastFlags {
  ExperimentFlags experiment;
  ForecastOptions options;
  bool matching = false;
};

void run(const ForecastFlags& flags) {
  flags.options.validate();
  auto config = read_config(flags.experiment);
  const auto folder = output_folder(flags.experiment.out, config);
  require_experiment(folder);
  const auto progress = make_progress(flags.experiment.common);
  const Experiment experiment(std::move(config), folder, flags.experiment.common.workers,
                              progress.get());
  const auto result = forecast(experiment, flags.options, flags.matching);
  write_forecast(experiment, result);
  for (const auto& set : result.sets) {
    if (set.method != "dm-direct") continue;  // the same ones
    for (const auto& warning : set.forecast.warnings) warn(set.name + ": " + warning);
  }
  if (!result.no_mutual_effects.empty()) {
    warn("what examples of a forget set do to each other was not looked at: " +
         result.no_mutual_effects);
  }
  if (flags.experiment.common.json) {
    std::fputs(forecast_json(result).c_str(), stdout);
    return;
  }
  std::printf(
      "%s",
      fmt::format("Forecast from {} subset models and {} full models, judged by "
                  "{} oracles: KLoM in nats, 95th percentile over points (95% interval)\n{}\n",
                  result.subset_models, result.full_models, result.oracles,
                  forecast_table(section_of(result)).text())
          .c_str());
}

}  // namespace

void register_forecast(CLI::App& app) {
  auto* command = app.add_subcommand("forecast",
                                     "Forecast how far from retraining the predictions of an "
                                     "experiment will be, before unlearning "
                                     "and without oracles: from its subset and full models");
  const auto flags = std::make_shared<ForecastFlags>();
  add_experiment_flags(*command, flags->experiment);
  add_option_flags(*command, options_of(flags->options));
  command->add_flag("--dmm", flags->matching,
                    "Unlearn the full models too (OUT/dmm-SET), and forecast these");
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
