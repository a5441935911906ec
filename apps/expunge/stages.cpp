#include "stages.h"

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "expunge/pipeline/evaluation.h"
#include "expunge/pipeline/experiment.h"
#include "expunge/pipeline/run_plan.h"
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

void print_plan(const RunConfig& config, bool unlearning, const CommonFlags& common,
                const std::string& also) {
  const auto plan = plan_run(config, unlearning, common.workers);
  if (!common.json) {
    std::printf("%s\n%s\n", plan_table(plan).text().c_str(), plan_words(plan).c_str());
    if (!also.empty()) std::printf("%s\n", also.c_str());
    return;
  }
  auto stores = nlohmann::ordered_json::array();
  for (const auto& store : plan.stores) {
    stores.push_back({{"name", store.name},
                      {"models", store.models},
                      {"sample_gradients", store.sample_gradients},
                      {"bytes", store.bytes}});
  }
  print_json({{"training_examples", plan.training_examples},
              {"points", plan.points},
              {"classes", plan.classes},
              {"parameters", plan.parameters},
              {"stores", stores},
              {"models", plan.models()},
              {"sample_gradients", plan.sample_gradients()},
              {"sample_gradients_a_second", plan.sample_gradients_a_second},
              {"seconds", plan.seconds()},
              {"bytes", plan.bytes()},
              {"training_memory", plan.training_memory},
              {"attribution_memory", plan.attribution_memory}});
}

void run_stages(const ExperimentFlags& flags, const Stages& stages) {
  const auto start = std::chrono::steady_clock::now();
  auto config = read_config(flags);
  if (flags.dry_run) return print_plan(config, stages.unlearn, flags.common);
  const auto folder = output_folder(flags.out, config);
  if (!stages.train) require_experiment(folder);
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
