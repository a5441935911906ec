// expunge scores: every training example's effect on evaluation points' margins, by gradients of an
// experiment's full models.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "command.h"
#include "expunge/attribution/ekfac.h"
#include "expunge/attribution/trak.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/pipeline/attributors.h"

namespace expunge::app {
namespace {

enum class ScoreKind { trak, ekfac };

struct ScoresFlags {
  ScoreKind method = ScoreKind::trak;
  TrakOptions trak;
  EkfacOptions ekfac;
  std::string config, experiment, out, standard_error;
  CommonFlags common;
};

OptionGroup options_of(ScoresFlags& flags) {
  OptionGroup group("scores", "Scores by gradients");
  group
      .add("method", flags.method, {{"trak", ScoreKind::trak}, {"ekfac", ScoreKind::ekfac}},
           "TRAK or EK-FAC influence")
      .include(options_of(flags.trak))
      .include(options_of(flags.ekfac));
  return group;
}

void run(const ScoresFlags& flags) {
  check_output(flags.out);
  if (!flags.standard_error.empty()) check_output(flags.standard_error);
  auto config = read_run_config(flags.config);
  const auto folder = output_folder(flags.experiment, config);
  if (!std::filesystem::exists(folder))
    fail<InputError>("{}: an experiment's folder required, none there; make it with: expunge train",
                     folder.string());
  const Experiment experiment(std::move(config), folder, flags.common.workers);
  const auto models = full_models(experiment);
  std::vector<int64_t> points(static_cast<size_t>(experiment.problem().m()));
  std::iota(points.begin(), points.end(), 0);
  const int64_t workers = flags.common.workers;
  const bool trak = flags.method == ScoreKind::trak;
  const auto scores =
      trak ? Trak(models, experiment.problem(), flags.trak, workers).scores(points)
           : EkfacInfluence(models, experiment.problem(), flags.ekfac, workers).scores(points);
  const int64_t used = std::min(models.count, trak ? flags.trak.models : flags.ekfac.models);
  if (!flags.standard_error.empty() && used < 2)
    fail<InputError>("--standard-error: at least 2 models required, got {}", used);
  write_npy(flags.out, scores.mean.contiguous());
  if (!flags.standard_error.empty())
    write_npy(flags.standard_error, scores.standard_error.contiguous());
  if (flags.common.json) {
    print_json({{"method", trak ? "trak" : "ekfac"},
                {"training_examples", scores.mean.size(0)},
                {"points", scores.mean.size(1)},
                {"models", used},
                {"file", flags.out}});
  } else {
    std::printf("%s: scores of %lld training examples on the margins of %lld points, %lld models\n",
                flags.out.c_str(), static_cast<long long>(scores.mean.size(0)),
                static_cast<long long>(scores.mean.size(1)), static_cast<long long>(used));
  }
}

}  // namespace

void register_scores(CLI::App& app) {
  auto* command = app.add_subcommand(
      "scores",
      "Effects of all training examples on all evaluation points' margins, by gradients of full "
      "models: positive where training on the example raises the margin");
  const auto flags = std::make_shared<ScoresFlags>();
  command->add_option("--config", flags->config, "The experiment's configuration")->required();
  command->add_option("--experiment", flags->experiment,
                      "Its folder, with the full models [runs/<its name>]");
  command
      ->add_option("--out", flags->out, "Where scores go, (n, m) float32 .npy, as lds reads them")
      ->required();
  command->add_option("--standard-error", flags->standard_error,
                      "Where their standard errors over models go, of the same shape");
  add_option_flags(*command, options_of(*flags));
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
