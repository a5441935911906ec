// expunge ulira: the likelihood-ratio attack on margins in .npy files.

#include "expunge/evaluate/ulira.h"

#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>

#include "command.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/evaluate/points_file.h"
#include "margins_file.h"

namespace expunge::app {
namespace {

struct UliraFlags {
  std::string unlearned, oracles, points, control, roc, out;
  UliraOptions options;
  CommonFlags common;
};

void check_outputs(const UliraFlags& flags) {
  if (!flags.roc.empty()) check_output(flags.roc);
  if (!flags.out.empty()) check_output(flags.out);
  if (!flags.roc.empty() && flags.roc == flags.out) {
    fail<OptionError>("--roc and --out: two files required, got {} for both", flags.out);
  }
}

std::vector<int64_t> points_of(const std::string& path, int64_t m) {
  if (!path.empty()) return read_points(path, m);
  std::vector<int64_t> all(m);
  std::iota(all.begin(), all.end(), 0);
  return all;
}

// The library knows the control's side as any other that is attacked.
UliraScores control_scores(const UliraFlags& flags, const torch::Tensor& others,
                           const torch::Tensor& oracles, const std::vector<int64_t>& points) {
  try {
    return ulira_scores(others, oracles, points, flags.options);
  } catch (const InputError& error) {
    fail<InputError>("{} as the unlearned side: {}", flags.control, error.what());
  }
}

/// One attack's figures, in the JSON under their names with `prefix` before them.
struct Attack {
  UliraResult result;
  int64_t attacked_unlearned, attacked_oracles;

  explicit Attack(const UliraScores& scores)
      : result(summarise_ulira({&scores, 1})),
        attacked_unlearned(scores.unlearned.size(0)),
        attacked_oracles(scores.oracle.size(0)) {}

  void put_into(nlohmann::ordered_json& json, const std::string& prefix) const {
    json[prefix + "accuracy"] = result.accuracy;
    json[prefix + "accuracy_low"] = result.accuracy_low;
    json[prefix + "accuracy_high"] = result.accuracy_high;
    json[prefix + "standard_error"] = result.standard_error;
    json[prefix + "auc"] = result.auc;
    json[prefix + "tpr_at_1_percent"] = result.tpr_at_1_percent;
    json[prefix + "tpr_at_01_percent"] = result.tpr_at_01_percent;
    json[prefix + "decisions"] = result.decisions;
  }
  [[nodiscard]] std::string text() const {
    return fmt::format(
        "accuracy {:.2f}% (95% interval {:.2f}% to {:.2f}% if all decisions were independent, "
        "standard error over models {:.2f}%), AUC {:.4f}, true positives {:.2f}% at 1% and "
        "{:.2f}% at 0.1% false positives",
        100 * result.accuracy, 100 * result.accuracy_low, 100 * result.accuracy_high,
        100 * result.standard_error, result.auc, 100 * result.tpr_at_1_percent,
        100 * result.tpr_at_01_percent);
  }
  [[nodiscard]] bool is_telling() const {
    return ulira_is_telling(result.examples, attacked_unlearned, attacked_oracles);
  }
};

void write_roc(const std::string& path, const std::vector<RocPoint>& roc) {
  std::string text = "false_positive_rate,true_positive_rate\n";
  for (const auto& point : roc) {
    text += fmt::format("{},{}\n", point.false_positive_rate, point.true_positive_rate);
  }
  write_file_atomically(path, text);
}

void run(UliraFlags& flags) {
  check_outputs(flags);
  flags.options.workers = flags.common.workers;
  const auto unlearned = margins_in(flags.unlearned);
  const auto oracles = margins_in(flags.oracles);
  const auto points = points_of(flags.points, unlearned.size(1));
  const Attack attack(ulira_scores(unlearned, oracles, points, flags.options));
  nlohmann::ordered_json json = {{"examples", attack.result.examples},
                                 {"unlearned_models", unlearned.size(0)},
                                 {"oracles", oracles.size(0)},
                                 {"attacked_unlearned_models", attack.attacked_unlearned},
                                 {"attacked_oracles", attack.attacked_oracles},
                                 {"seed", flags.options.seed}};
  attack.put_into(json, "");
  std::string text = fmt::format(
      "U-LiRA over {} examples, {} unlearned models and {} oracles attacked: {}",
      attack.result.examples, attack.attacked_unlearned, attack.attacked_oracles, attack.text());
  bool is_telling = attack.is_telling();
  if (!flags.control.empty()) {
    const auto others = margins_in(flags.control);
    const Attack control(control_scores(flags, others, oracles, points));
    json["control_models"] = others.size(0);
    control.put_into(json, "control_");
    text += fmt::format("\ncontrol, {} other oracles in the unlearned models' place: {}",
                        control.attacked_unlearned, control.text());
    is_telling = is_telling && control.is_telling();
  }
  if (!flags.out.empty()) write_npy(flags.out, attack.result.accuracy_of_point);
  if (!flags.roc.empty()) write_roc(flags.roc, attack.result.roc);
  if (!is_telling) {
    warn(
        fmt::format("U-LiRA says little below 200 examples and 100 models a side, half of them "
                    "attacked; got {} examples, {} unlearned models and {} oracles{}",
                    attack.result.examples, unlearned.size(0), oracles.size(0),
                    json.contains("control_models")
                        ? fmt::format(", {} for the control", json["control_models"].dump())
                        : ""));
  }
  if (flags.common.json) {
    print_json(json);
  } else {
    std::printf("%s\n", text.c_str());
  }
}

}  // namespace

void register_ulira(CLI::App& app) {
  auto* command = app.add_subcommand(
      "ulira",
      "How often an attacker tells unlearned models from oracles by their margins (U-LiRA)");
  const auto flags = std::make_shared<UliraFlags>();
  command
      ->add_option("unlearned", flags->unlearned,
                   "Margins of unlearned models, (Nu, m) float32 .npy, nats")
      ->required();
  command->add_option("oracles", flags->oracles, "Margins of oracles, (No, m) float32 .npy, nats")
      ->required();
  command->add_option("--points", flags->points,
                      "Examples to attack: text file, one index of the m points a line, as a "
                      "forget set's; all points if left out");
  command->add_option("--control", flags->control,
                      "Margins of other oracles (N, m) .npy: attacked in the unlearned models' "
                      "place, 50% is what to expect");
  command->add_option("--roc", flags->roc,
                      "Where the ROC goes: .csv of false and true positive rates, at most 200 "
                      "points");
  command->add_option("--out", flags->out,
                      "Where each example's accuracy goes, (P) float64 .npy, in the order of "
                      "--points");
  add_option_flags(*command, options_of(flags->options));
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
