// expunge forecast: how near to retraining unlearning will come, before any of it.

#include "expunge/pipeline/forecast.h"

#include <cstdio>

#include "command.h"
#include "expunge/core/error.h"

namespace expunge::app {
namespace {

struct ForecastFlags {
  ExperimentFlags experiment;
  ForecastOptions options;
};

void run(const ForecastFlags& flags) {
  flags.options.validate();
  auto config = read_config(flags.experiment);
  const auto folder = output_folder(flags.experiment.out, config);
  if (!std::filesystem::exists(folder / "config.toml")) {
    fail<InputError>("{}: an experiment required, none there; begin it with: expunge train",
                     folder.string());
  }
  const auto progress = make_progress(flags.experiment.common);
  const Experiment experiment(std::move(config), folder, flags.experiment.common.workers,
                              progress.get());
  const auto result = forecast(experiment, flags.options);
  write_forecast(experiment, result);
  for (const auto& set : result.sets) {
    for (const auto& warning : set.forecast.warnings) warn(set.name + ": " + warning);
  }
  if (flags.experiment.common.json) {
    std::fputs(forecast_json(result).c_str(), stdout);
    return;
  }
  std::printf(
      "%s",
      fmt::format("Forecast of dm-direct from {} subset models and {} full models, judged by "
                  "{} oracles: KLoM in nats, 95th percentile over points (95% interval)\n{}\n",
                  result.subset_models, result.full_models, result.oracles,
                  forecast_table(result).text())
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
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
