// expunge forget-set principal: examples that act together, by their effects on the training set.

#include <ATen/ops/cat.h>

#include "expunge/attribution/train_effects.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/data/forget_selection.h"
#include "expunge/evaluate/margins.h"
#include "expunge/train/ensemble_store.h"
#include "forget_set.h"
#include "usage.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct PrincipalFlags : ForgetSetFlags {
  std::string masks, logits, margins;
  int64_t component = 1;
  ScoreEnd end = ScoreEnd::top;
  EffectOptions effects;
};

OptionGroup options_of(PrincipalFlags& flags) {
  OptionGroup group("principal", "Which examples");
  group.add("end", flags.end,
            {{"top", ScoreEnd::top}, {"bottom", ScoreEnd::bottom}, {"both", ScoreEnd::both}},
            "the largest entries of the component, the smallest, or half of each");
  return group;
}

// Masks and margins (N, n) float32 of the training examples.
std::pair<torch::Tensor, torch::Tensor> arrays_of(const PrincipalFlags& flags) {
  const auto first = [](const torch::Tensor& all, int64_t n, const std::string& where) {
    if (all.dim() != 2 || all.size(1) < n || !all.is_floating_point()) {
      fail<InputError>(
          "{}: margins (models, points) of at least {} points required, got ({}) of {}", where, n,
          fmt::join(all.sizes(), ", "), toString(all.scalar_type()));
    }
    return all.narrow(1, 0, n).to(torch::kFloat32);
  };
  if (!flags.masks.empty()) {
    const auto masks = masks_in(flags.masks);
    if (!flags.margins.empty())
      return {masks, first(map_npy(flags.margins), masks.size(1), flags.margins)};
    const auto logits = map_npy(flags.logits);
    auto labels = labels_in(flags.training.labels);
    // Labels of the training examples are enough: margins of other points are not looked at.
    if (logits.dim() == 3 && labels.size(0) == masks.size(1) && logits.size(1) > labels.size(0))
      labels = torch::cat({labels, torch::zeros({logits.size(1) - labels.size(0)}, torch::kInt64)});
    return {masks,
            first(margins(logits, labels, flags.common.workers), masks.size(1), flags.logits)};
  }
  const auto folder = fs::path(flags.training.experiment) / "subset";
  const auto store = EnsembleStore::open(folder);
  if (!store.is_complete()) {
    fail<InputError>("{}: a finished ensemble required, this one is not; go on with: expunge train",
                     folder.string());
  }
  const auto labels = labels_in((fs::path(flags.training.experiment) / "labels.npy").string());
  const auto masks = store.masks();
  return {masks, first(margins(store.logits(), labels, flags.common.workers), masks.size(1),
                       folder.string())};
}

void check(const PrincipalFlags& flags) {
  const bool from_arrays = !flags.masks.empty();
  const bool has_logits = !flags.logits.empty();
  const bool has_margins = !flags.margins.empty();
  if (!from_arrays && flags.training.experiment.empty())
    fail<OptionError>("principal: --experiment, or --masks with --logits or --margins, required");
  if (from_arrays && !flags.training.experiment.empty())
    fail<OptionError>("--experiment and --masks: one of them required, got both");
  if (!from_arrays && (has_logits || has_margins))
    fail<OptionError>("--logits and --margins: --masks required beside them, not given");
  if (from_arrays && has_logits == has_margins)
    fail<OptionError>("--masks: one of --logits and --margins required beside it");
  if (has_logits && flags.training.labels.empty())
    fail<OptionError>("--logits: --labels required beside it, not given");
}

void choose_principal(PrincipalFlags& flags) {
  check_output(flags.out);
  check(flags);
  flags.effects.workers = flags.common.workers;
  flags.effects.validate();
  const auto [masks, values] = arrays_of(flags);
  const auto training = read_training_set(flags.training, masks.size(1));
  // What can be refused before the work.
  extreme_examples(torch::zeros({training.n}, torch::kFloat64), flags.count, flags.end);
  const auto effects = TrainEffects::fit(masks, values, flags.effects);
  const auto found = effects.principal_component(flags.component);
  const auto end = std::get<std::string>(options_of(flags).fields().front().get());
  const auto& choice = effects.lambda_choice();
  const double relative_gap = found.gap / found.value;
  const auto agreement = effects.agreement_of_halves(flags.component);
  const auto agreement_text = agreement ? fmt::format("{:.2f}", *agreement) : "unknown";

  Chosen chosen{.kind = "principal",
                .forget = extreme_examples(found.left, flags.count, flags.end),
                .order = "outermost entries of a component first",
                .given = given_flags(flags.training),
                .details = {},
                .json = {{"component", flags.component},
                         {"end", end},
                         {"seed", flags.effects.seed},
                         {"subset_models", masks.size(0)},
                         {"alpha", effects.alpha()},
                         {"lambda", choice.lambda},
                         {"lambda_ratio", choice.ratio},
                         {"lambda_chosen", !choice.curve.empty()},
                         {"singular_value", found.value},
                         {"gap", found.gap},
                         {"residual", found.residual},
                         {"halves_cosine", nullptr}}};
  if (agreement) chosen.json["halves_cosine"] = *agreement;
  if (!flags.masks.empty()) append(chosen.given, {{"--masks", flags.masks}});
  if (!flags.logits.empty()) append(chosen.given, {{"--logits", flags.logits}});
  if (!flags.margins.empty()) append(chosen.given, {{"--margins", flags.margins}});
  append(chosen.given, {{"--component", fmt::to_string(flags.component)},
                        {"--end", end},
                        {"--count", fmt::to_string(flags.count)}});
  if (flags.effects.lambda_ratio)
    append(chosen.given, {{"--lambda-ratio", fmt::format("{}", *flags.effects.lambda_ratio)}});
  append(chosen.given, {{"--seed", fmt::to_string(flags.effects.seed)}});
  chosen.details = {
      fmt::format("effects by {} subset models, alpha {:.3f}; lambda {:.4g} ({:.3g} n alpha (1 - "
                  "alpha), {})",
                  masks.size(0), effects.alpha(), choice.lambda, choice.ratio,
                  choice.curve.empty() ? "as set" : "chosen on held-out models"),
      fmt::format("component {}: singular value {:.4g} nats, {:.2g} of it from the nearest other; "
                  "residual {:.1e}; halves of the subset models give vectors of cosine {}",
                  flags.component, found.value, relative_gap, found.residual, agreement_text)};
  finish(flags, training, chosen);
  std::vector<std::string> doubts;
  if (agreement.value_or(0) < 0.5) {
    doubts.push_back(fmt::format(
        "halves of the subset models give vectors of cosine {}, so that most of it is their noise: "
        "more of them required",
        agreement_text));
  }
  if (relative_gap < 0.01) {
    doubts.push_back(fmt::format(
        "its singular value is within {:.2g}% of another one's: with other subset models "
        "the two may mix",
        100 * relative_gap));
  }
  if (!doubts.empty())
    warn(fmt::format("component {}: {}", flags.component, fmt::join(doubts, "; ")));
}

}  // namespace

void register_principal(CLI::App& app) {
  auto* command = app.add_subcommand(
      "principal",
      "Examples that act together: the extremes of a principal component of the training set's "
      "effects on itself");
  const auto flags = std::make_shared<PrincipalFlags>();
  add_count(*command, *flags, "How many")->required();
  command->add_option("--component", flags->component, "Which component, from 1 [1]")
      ->check(check_count);
  command->add_option(
      "--masks", flags->masks,
      "Without --experiment: which examples each subset model saw, (N, n) bool .npy");
  command->add_option(
      "--logits", flags->logits,
      "With --masks and --labels: (N, m, C) float16 or float32 .npy; the first n of "
      "the m points are the training set");
  command->add_option("--margins", flags->margins,
                      "With --masks, instead of --logits: (N, m) float .npy, in nats");
  add_option_flags(*command, options_of(*flags));
  add_option_flags(*command, options_of(flags->effects));
  add_output_flags(*command, *flags);
  command->callback([flags] { choose_principal(*flags); });
}

}  // namespace expunge::app
