// expunge desk rehearse: a stream of requests where retraining is known.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "desk.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/desk/rehearsal.h"

namespace expunge::app {
namespace {

struct RehearseFlags {
  ExperimentFlags experiment;
  desk::RehearsalOptions options;
};

void rehearse(const RehearseFlags& flags) {
  flags.options.validate();
  auto config = read_config(flags.experiment);
  const auto folder = output_folder(flags.experiment.out, config);
  require_experiment(folder);
  const auto progress = make_progress(flags.experiment.common);
  const Experiment experiment(std::move(config), folder, flags.experiment.common.workers,
                              progress.get());
  const auto result = desk::rehearse(experiment, flags.options);
  write_file_atomically(folder / "rehearsal.csv", desk::rehearsal_table(result).csv());
  write_file_atomically(folder / "rehearsal-coverage.csv", desk::coverage_table(result).csv());
  write_file_atomically(folder / "rehearsal.svg",
                        SvgCanvas::file(desk::rehearsal_pictures(result), 2,
                                        "KLoM after a number of deletion requests"));
  if (flags.experiment.common.json) {
    nlohmann::ordered_json json = {{"models", result.models}, {"oracles", result.oracles}};
    for (const auto& request : result.requests) {
      for (const auto& way : request.ways) {
        json["results"].push_back({{"requests", request.number},
                                   {"removed", request.removed},
                                   {"way", way.way},
                                   {"forget", way.forget},
                                   {"newest_request", way.newest},
                                   {"retain", way.retain},
                                   {"validation", way.validation},
                                   {"floor", *request.floor},
                                   {"sample_gradients", way.work}});
      }
    }
    return print_json(json);
  }
  std::printf(
      "%s", fmt::format("{} models against {} oracles of each union: KLoM in nats, 95th percentile "
                        "over points\n{}\n"
                        "95% intervals that were predicted, and what was measured\n{}\n-> {}\n",
                        result.models, result.oracles, desk::rehearsal_table(result).text(),
                        desk::coverage_summary(result).text(), (folder / "rehearsal.csv").string())
                .c_str());
}

}  // namespace

void register_desk_rehearse(CLI::App& parent) {
  auto* command = parent.add_subcommand("rehearse",
                                        "Run a stream of requests on an experiment with oracles: "
                                        "from the newest model against over from "
                                        "the original, and predictions against measurements");
  const auto flags = std::make_shared<RehearseFlags>();
  add_experiment_flags(*command, flags->experiment);
  add_option_flags(*command, options_of(flags->options));
  command->callback([flags] { rehearse(*flags); });
}

}  // namespace expunge::app
