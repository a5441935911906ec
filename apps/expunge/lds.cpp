// expunge lds: the linear datamodelling score of attributions in .npy files, or of an experiment's
// attributors.

#include "expunge/evaluate/lds.h"

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/pipeline/experiment_lds.h"
#include "expunge/pipeline/sweep_config.h"
#include "margins_file.h"
#include "training_set.h"

namespace expunge::app {
namespace {

struct LdsFlags {
  std::string outputs, masks, scores, predictions, replicates, out;
  std::string config, experiment, attributors;
  int64_t held_out_models = 100;
  LdsOptions options;
  CommonFlags common;
};

torch::Tensor scores_in(const std::string& path) {
  const auto scores = map_npy(path);
  if (scores.dim() != 2 || scores.scalar_type() != torch::kFloat32) {
    fail<InputError>("{}: scores (training examples, points) float32 required, got ({}) of {}",
                     path, fmt::join(scores.sizes(), ", "), toString(scores.scalar_type()));
  }
  return scores;
}

void check(const LdsFlags& flags) {
  if (flags.scores.empty() == flags.predictions.empty())
    fail<OptionError>("--scores and --predictions: one of them required, got {}",
                      flags.scores.empty() ? "none" : "both");
  if (!flags.scores.empty() && flags.masks.empty())
    fail<OptionError>("--masks: required with --scores, got none");
  if (!flags.out.empty()) check_output(flags.out);
}

torch::Tensor predictions_of(const LdsFlags& flags) {
  if (!flags.predictions.empty()) return margins_in(flags.predictions);
  const auto masks = masks_in(flags.masks);
  const auto scores = scores_in(flags.scores);
  if (scores.size(0) != masks.size(1)) {
    fail<InputError>("{}: scores of the {} training examples of {} required, got of {}",
                     flags.scores, masks.size(1), flags.masks, scores.size(0));
  }
  return subset_predictions(masks, scores);
}

void put_into(nlohmann::ordered_json& json, const std::string& name, const LdsStatistic& s) {
  json[name] = s.mean;
  if (std::isnan(s.low)) return;
  json[name + "_low"] = s.low;
  json[name + "_high"] = s.high;
}

void run_experiment(const LdsFlags& flags) {
  for (const auto* given : {&flags.outputs, &flags.masks, &flags.scores, &flags.predictions,
                            &flags.replicates, &flags.out}) {
    if (!given->empty()) fail<OptionError>("--config: no other arrays beside it, got {}", *given);
  }
  auto config = read_run_config(flags.config);
  std::vector<DatamodelsConfig> datamodels;
  if (!flags.attributors.empty()) datamodels = read_sweep_config(flags.attributors).datamodels;
  const auto folder = output_folder(flags.experiment, config);
  const auto progress = make_progress(flags.common);
  const Experiment experiment(std::move(config), folder, flags.common.workers, progress.get());
  const auto result = experiment_lds(experiment, datamodels, flags.held_out_models, flags.options);
  if (!flags.common.json) {
    std::printf("LDS (Spearman, 95%% intervals) on %lld held-out models\n\n%s\nTable: %s\n",
                static_cast<long long>(result.models), lds_table(result).text().c_str(),
                (folder / "lds.csv").c_str());
    return;
  }
  nlohmann::ordered_json attributors = nlohmann::ordered_json::array();
  const auto json_of = [](const AttributorLds& a) {
    nlohmann::ordered_json json = {{"name", a.name}};
    for (const bool training : {true, false}) {
      const auto& r = training ? a.training : a.validation;
      nlohmann::ordered_json part;
      put_into(part, "spearman", r.spearman);
      put_into(part, "pearson", r.pearson);
      json[training ? "training" : "validation"] = part;
    }
    return json;
  };
  for (const auto& a : result.attributors) attributors.push_back(json_of(a));
  print_json({{"models", result.models},
              {"attributors", attributors},
              {"trained_again", json_of(result.again)},
              {"ceiling_training", lds_ceiling(result.again.training.spearman.mean)},
              {"ceiling_validation", lds_ceiling(result.again.validation.spearman.mean)}});
}

void run(LdsFlags& flags) {
  if (!flags.config.empty()) return run_experiment(flags);
  if (flags.outputs.empty())
    fail<OptionError>("outputs (an .npy file) or --config required, got neither");
  check(flags);
  flags.options.workers = flags.common.workers;
  const auto outputs = margins_in(flags.outputs);
  const auto result = lds(predictions_of(flags), outputs, flags.options);
  nlohmann::ordered_json json = {{"points", outputs.size(1)}, {"models", outputs.size(0)}};
  put_into(json, "spearman", result.spearman);
  put_into(json, "pearson", result.pearson);
  json["constant_points"] = result.constant_points;
  std::string text = fmt::format(
      "LDS, mean over {} points and {} models (95% interval): Spearman {}, Pearson {}",
      outputs.size(1), outputs.size(0), words_of(result.spearman), words_of(result.pearson));
  if (!flags.replicates.empty()) {
    const auto agreement = lds(margins_in(flags.replicates), outputs, flags.options);
    const double spearman = lds_ceiling(agreement.spearman.mean);
    const double pearson = lds_ceiling(agreement.pearson.mean);
    put_into(json, "agreement_spearman", agreement.spearman);
    put_into(json, "agreement_pearson", agreement.pearson);
    json["ceiling_spearman"] = spearman;
    json["ceiling_pearson"] = pearson;
    text += fmt::format(
        "\nthe same subsets trained again: Spearman {}, Pearson {}; ceiling {:.3f} and {:.3f}",
        words_of(agreement.spearman), words_of(agreement.pearson), spearman, pearson);
  }
  if (!flags.out.empty()) write_npy(flags.out, result.spearman.of_point);
  if (result.constant_points > 0) {
    warn(fmt::format("{} of {} points have predictions or outputs that are all equal: counted as 0",
                     result.constant_points, outputs.size(1)));
  }
  if (flags.common.json) {
    print_json(json);
  } else {
    std::printf("%s\n", text.c_str());
  }
}

}  // namespace

void register_lds(CLI::App& app) {
  auto* command = app.add_subcommand(
      "lds",
      "Linear datamodelling score: how well attributions predict models trained on parts of the "
      "data. A score is positive where training on the example raises the output");
  const auto flags = std::make_shared<LdsFlags>();
  command->add_option(
      "outputs", flags->outputs,
      "Margins (or one logit) of subset models that the attributions were not fitted "
      "on, (N, m) float32 .npy");
  command->add_option("--scores", flags->scores,
                      "Attributions, (n, m) float32 .npy: of each training example to each point");
  command->add_option("--masks", flags->masks,
                      "Which examples each model saw, (N, n) bool .npy; with --scores");
  command->add_option("--predictions", flags->predictions,
                      "Predicted outputs, (N, m) float32 .npy, instead of scores");
  command->add_option("--replicates", flags->replicates,
                      "Outputs of the same subsets trained with other seeds, (N, m) float32 .npy: "
                      "tells the ceiling");
  command->add_option("--out", flags->out, "Where each point's Spearman goes, (m) float64 .npy");
  command->add_option(
      "--config", flags->config,
      "Instead of arrays: an experiment, whose attribution is judged on subset models "
      "that are trained for it");
  command->add_option("--experiment", flags->experiment,
                      "Its folder; what is there is used [runs/<its name>]");
  command->add_option("--attributors", flags->attributors,
                      "A sweep's grid, whose [[datamodels]] are judged beside it");
  command->add_option("--held-out-models", flags->held_out_models,
                      "How many held-out models, each trained twice [100]");
  add_option_flags(*command, options_of(flags->options));
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
