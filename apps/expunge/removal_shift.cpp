// expunge removal-shift: predicted change of all logits from masks and logits in .npy files.

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>

#include "command.h"
#include "expunge/attribution/lasso_datamodels.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_set.h"
#include "training_set.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

enum class ArrayEstimator { ridge, lasso };

struct RemovalShiftFlags {
  std::string masks, logits, factors;
  std::vector<std::string> forget, out;
  ArrayEstimator estimator = ArrayEstimator::ridge;
  RidgeOptions ridge;
  LassoOptions lasso;
  CommonFlags common;
};

OptionGroup options_of(RemovalShiftFlags& flags) {
  OptionGroup group("attribution", "How the effect of training examples is estimated");
  group
      .add("estimator", flags.estimator,
           {{"ridge", ArrayEstimator::ridge}, {"lasso", ArrayEstimator::lasso}},
           "datamodels by ridge regression or by LASSO, whose options have the prefix lasso-")
      .include(options_of(flags.ridge))
      .include(options_of(flags.lasso));
  return group;
}

// What costs nothing to find out, before the fit.
void check(const RemovalShiftFlags& flags) {
  if (flags.forget.size() != flags.out.size()) {
    fail<OptionError>("--forget and --out: one --out for each --forget required, got {} and {}",
                      flags.forget.size(), flags.out.size());
  }
  flags.ridge.validate();
  flags.lasso.validate();
  std::set<std::string> outs;
  for (const auto& out : flags.out) {
    check_output(out);
    if (!outs.insert(out).second)
      fail<OptionError>("--out: another file for each --forget required, got {} twice", out);
  }
  if (!flags.factors.empty() && fs::exists(flags.factors) && !fs::is_directory(flags.factors))
    fail<InputError>("{}: a folder for --factors required, got a file", flags.factors);
}

// What a fit found, for people and for programs.
struct FoundDatamodels {
  std::string text;
  nlohmann::ordered_json json;
};

FoundDatamodels found_by(const SubsetDatamodels& fitted) {
  const auto& choice = fitted.lambda_choice();
  return {fmt::format("lambda {:.4g} ({:.3g} n alpha (1 - alpha), {}); alpha {:.3f}", choice.lambda,
                      choice.ratio, choice.curve.empty() ? "as set" : "chosen on held-out models",
                      fitted.alpha()),
          {{"estimator", "ridge"},
           {"alpha", fitted.alpha()},
           {"lambda", choice.lambda},
           {"lambda_ratio", choice.ratio},
           {"lambda_chosen", !choice.curve.empty()}}};
}

FoundDatamodels found_by(const LassoDatamodels& fitted) {
  const double lambda = fitted.lambdas().median().item<double>();
  const double effects =
      static_cast<double>(fitted.count()) / static_cast<double>(fitted.points() * fitted.classes());
  const bool chosen = !fitted.curve().empty();
  return {fmt::format("median lambda {:.4g} ({}); {:.1f} effects a target that are not 0", lambda,
                      chosen ? "chosen on held-out models" : "as set", effects),
          {{"estimator", "lasso"},
           {"median_lambda", lambda},
           {"lambda_chosen", chosen},
           {"effects_a_target", effects}}};
}

double seconds_between(std::chrono::steady_clock::time_point a,
                       std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

template <class Datamodels, class Options>
void predict(const RemovalShiftFlags& flags, const Options& options) {
  const auto masks = masks_in(flags.masks);
  const auto logits = map_npy(flags.logits);
  std::vector<std::vector<int64_t>> removals;
  for (const auto& path : flags.forget) removals.push_back(read_forget_set(path, masks.size(1)));

  const auto start = std::chrono::steady_clock::now();
  const bool is_kept = !flags.factors.empty() && Datamodels::is_saved(flags.factors);
  const auto fitted = is_kept ? Datamodels::load(flags.factors, masks, logits, options)
                              : Datamodels::fit(masks, logits, options);
  const auto middle = std::chrono::steady_clock::now();
  // All logits are read here: factors of a file with a NaN somewhere must not be kept, they would
  // refuse the mended one.
  const auto shifts = fitted.removal_shifts(removals);
  if (!flags.factors.empty() && !is_kept) fitted.save(flags.factors);
  for (size_t k = 0; k < removals.size(); ++k)
    write_npy(flags.out[k], shifts[static_cast<int64_t>(k)].contiguous());
  const auto end = std::chrono::steady_clock::now();

  auto [text, json] = found_by(fitted);
  json["seconds_once"] = seconds_between(start, middle);
  json["seconds_forget_sets"] = seconds_between(middle, end);
  for (size_t k = 0; k < removals.size(); ++k) {
    const torch::Tensor shift = shifts[static_cast<int64_t>(k)];
    const double size = shift.square().mean().sqrt().item<double>();
    json["shifts"].push_back({{"forget", flags.forget[k]},
                              {"examples", removals[k].size()},
                              {"out", flags.out[k]},
                              {"root_mean_square", size}});
    text += fmt::format("\n{}: {} examples, root mean square shift {:.4g} logits -> {}",
                        flags.forget[k], removals[k].size(), size, flags.out[k]);
  }
  if (flags.common.json) {
    print_json(json);
  } else {
    std::printf("%s\n", text.c_str());
  }
}

void run(RemovalShiftFlags& flags) {
  flags.ridge.workers = flags.lasso.workers = flags.common.workers;
  check(flags);
  if (flags.estimator == ArrayEstimator::lasso) {
    predict<LassoDatamodels>(flags, flags.lasso);
  } else {
    predict<SubsetDatamodels>(flags, flags.ridge);
  }
}

}  // namespace

void register_removal_shift(CLI::App& app) {
  auto* command = app.add_subcommand("removal-shift",
                                     "Predict how all logits change if examples are removed, from "
                                     "subset models' masks and logits");
  const auto flags = std::make_shared<RemovalShiftFlags>();
  command->add_option("--masks", flags->masks, "Which examples each model saw, (N, n) bool .npy")
      ->required();
  command
      ->add_option("--logits", flags->logits,
                   "Their logits, (N, m, C) float16 or float32 .npy; the first n of the m points "
                   "are the training set")
      ->required();
  command
      ->add_option("--forget", flags->forget,
                   "Examples to remove: text file, one index a line; may be repeated")
      ->required();
  command
      ->add_option("--out", flags->out,
                   "Where the shift goes, (m, C) float32 .npy; once for each --forget")
      ->required();
  command->add_option("--factors", flags->factors,
                      "Folder that keeps what does not depend on the forget set for later calls");
  add_option_flags(*command, options_of(*flags));
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
