#include "stages.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "expunge/pipeline/evaluation.h"
#include "expunge/pipeline/experiment.h"
#include "expunge/report/report_tables.h"
#include "expunge/report/report_words.h"

namespace expunge::app {
namespace {

void print_results(const ReportData& data, const std::filesystem::path& folder, bool json) {
  if (json) {
    std::fputs(results_json(data).c_str(), stdout);
    return;
  }
  for (const auto& section : data.forget_sets) {
    std::printf("%s: %zu examples forgotten; KLoM in nats, 95th percentile over points\n%s\n",
                section.name.c_str(), section.indices.size(), method_table(section).text().c_str());
  }
  std::printf("%s\n", plain(headline(data)).c_str());
  std::printf("%s\n", plain(up_front_words(data)).c_str());
  std::printf("\nReport: %s\n", (folder / "report.html").string().c_str());
}

}  // namespace

void run_stages(const ExperimentFlags& flags, const Stages& stages) {
  const auto start = std::chrono::steady_clock::now();
  auto config = read_config(flags);
  const auto folder = output_folder(flags.out, config);
  // Only training begins an experiment: a mistake in the folder's name must not leave one behind.
  if (!stages.train && !std::filesystem::exists(folder / "config.toml")) {
    fail<InputError>("{}: an experiment required, none there; begin it with: expunge train",
                     folder.string());
  }
  const auto progress = make_progress(flags.common);
  const Experiment experiment(std::move(config), folder, flags.common.workers, progress.get());
  if (stages.train) experiment.train();
  if (stages.attribute) experiment.attribute();
  if (stages.unlearn) experiment.unlearn();
  if (stages.evaluate) {
    const auto data =
        evaluate(experiment, fmt::format("expunge run {} --out {}", flags.config, folder.string()));
    write_results(experiment, data);
    for (const auto& warning : data.warnings) warn(warning);
    print_results(data, folder, flags.common.json);
  } else if (flags.common.json) {
    print_json({{"name", experiment.config().name}, {"folder", folder.string()}});
  }
  if (!flags.common.quiet) {
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    std::fprintf(stderr, "done in %.1f s\n", seconds);
  }
}

}  // namespace expunge::app
