// expunge explain: the training examples that help and hurt a prediction most.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/attribution/point_effects.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/data/forget_selection.h"
#include "expunge/evaluate/margins.h"
#include "expunge/evaluate/votes.h"
#include "expunge/report/explain_page.h"
#include "expunge/report/text_table.h"
#include "subset_source.h"
#include "usage.h"

namespace expunge::app {
namespace {

struct ExplainFlags {
  SubsetFlags source;
  std::vector<int64_t> points;
  int64_t top = 10;
  std::string label, html;
  EffectOptions effects;
  CommonFlags common;
};

// What the full models say of a point.
struct FullModels {
  double margin = 0;  // mean
  Favourite votes;
};

struct Explained {
  PointEffects effects;
  int64_t label = 0;  // the class asked about
  std::optional<FullModels> full;
  std::vector<int64_t> helps, hurts;
};

std::string effect_words(const PointEffects& effects, int64_t i) {
  return fmt::format("{:+.2f} ± {:.2f}", effects.effect[i].item<double>(),
                     effects.error[i].item<double>());
}

std::optional<FullModels> full_models_on(const SubsetModels& models, const torch::Tensor& labels,
                                         int64_t point, int64_t workers) {
  if (!models.full_logits.defined()) return {};
  const auto logits = models.full_logits.slice(1, point, point + 1).contiguous();
  FullModels full;
  full.margin = margins(logits, labels.slice(0, point, point + 1), workers).mean().item<double>();
  full.votes = favourite_class(logits, torch::ones({logits.size(0)}, torch::kBool), 0,
                               labels[point].item<int64_t>());
  return full;
}

Sentence model_words(const SubsetModels& models, const Explained& explained) {
  const auto asked = models.class_name(explained.label);
  const auto subset = fmt::format("{:.2f} nats", explained.effects.mean);
  const auto of_subset = fmt::format(" over {} subset models", count_text(models.masks.size(0)));
  const Phrase margin = {fmt::format("Margin of {}: ", asked)};
  if (!explained.full) return {margin, {subset, true}, {of_subset + "."}};
  const auto& votes = explained.full->votes;
  Sentence words = {
      margin,
      {fmt::format("{:.2f} nats", explained.full->margin), true},
      {fmt::format(" over {} ({}{}). {} of {} predict {}", counted(votes.of, "full model"), subset,
                   of_subset, votes.agree, counted(votes.of, "full model"), asked)}};
  if (votes.label != explained.label) {
    words.push_back({", most of them "});
    words.push_back({models.class_name(votes.label), true});
    words.push_back({fmt::format(" ({})", votes.votes)});
  }
  words.push_back({"."});
  return words;
}

Sentence effect_sentence(const SubsetModels& models, const PointEffects& effects) {
  const auto all = count_text(models.n());
  Sentence words = {
      {fmt::format("{} of {}", count_text(effects.standing_out), all), true},
      {fmt::format(" effects stand out, with {:.2f} standard errors or more", effects.threshold)},
      {"; by chance alone any does in one point of twenty."}};
  if (effects.point < models.n()) {
    words.push_back({" The point is in the training set: its effect on itself is "});
    words.push_back({effect_words(effects, effects.point) + " nats", true});
    words.push_back({"."});
  }
  return words;
}

std::vector<ShownExample> shown_effects(const SubsetModels& models, const PointEffects& effects,
                                        const std::vector<int64_t>& examples) {
  std::vector<ShownExample> shown;
  for (const int64_t i : examples) {
    auto example = models.shown(i);
    example.value = effect_words(effects, i);
    example.strong = effects.stands_out(i);
    if (i == effects.point) example.note = "itself";
    shown.push_back(std::move(example));
  }
  return shown;
}

ExplainedPoint page_point(const SubsetModels& models, const Explained& explained) {
  const auto& effects = explained.effects;
  ExplainedPoint point;
  point.asked = models.shown(effects.point);
  point.place = models.place(effects.point);
  point.place.front() = static_cast<char>(std::toupper(point.place.front()));
  point.facts = {model_words(models, explained), effect_sentence(models, effects)};
  point.helps = shown_effects(models, effects, explained.helps);
  point.hurts = shown_effects(models, effects, explained.hurts);
  for (int64_t i = 0; i < models.n(); ++i) {
    const double error = effects.error[i].item<double>();
    if (i != effects.point && std::isfinite(error) && error > 0)
      point.ratios.push_back(static_cast<float>(effects.effect[i].item<double>() / error));
  }
  point.freedom = static_cast<double>(effects.freedom);
  point.threshold = effects.threshold;
  return point;
}

std::string table_text(const SubsetModels& models, const PointEffects& effects,
                       const std::vector<int64_t>& examples) {
  if (examples.empty()) return "none\n";
  TextTable table({{"example"},
                   {"class", Align::left},
                   {"effect"},
                   {"std. error"},
                   {"shrunk"},
                   {"", Align::left}});
  for (const int64_t i : examples) {
    std::string note = i == effects.point ? "itself" : "";
    if (effects.stands_out(i)) note += note.empty() ? "stands out" : ", stands out";
    table.add_row({fmt::to_string(i), models.class_name(models.labels[i].item<int64_t>()),
                   fmt::format("{:+.3f}", effects.effect[i].item<double>()),
                   fmt::format("{:.3f}", effects.error[i].item<double>()),
                   fmt::format("{:+.4f}", effects.shrunk[i].item<double>()), note});
  }
  return table.text();
}

std::string point_text(const SubsetModels& models, const Explained& explained) {
  const int64_t point = explained.effects.point;
  return fmt::format("point {}: {}, {}\n{}\n{}\n\nhelp most, nats\n{}\nhurt most, nats\n{}", point,
                     models.place(point), models.class_name(models.labels[point].item<int64_t>()),
                     plain(model_words(models, explained)),
                     plain(effect_sentence(models, explained.effects)),
                     table_text(models, explained.effects, explained.helps),
                     table_text(models, explained.effects, explained.hurts));
}

nlohmann::ordered_json examples_json(const SubsetModels& models, const PointEffects& effects,
                                     const std::vector<int64_t>& examples) {
  auto json = nlohmann::ordered_json::array();
  for (const int64_t i : examples) {
    const auto label = models.labels[i].item<int64_t>();
    json.push_back({{"example", i},
                    {"label", label},
                    {"name", models.class_name(label)},
                    {"effect", effects.effect[i].item<double>()},
                    {"error", effects.error[i].item<double>()},
                    {"shrunk", effects.shrunk[i].item<double>()},
                    {"stands_out", effects.stands_out(i)}});
  }
  return json;
}

nlohmann::ordered_json point_json(const SubsetModels& models, const Explained& explained) {
  const auto& effects = explained.effects;
  nlohmann::ordered_json json = {{"point", effects.point},
                                 {"place", models.place(effects.point)},
                                 {"label", models.labels[effects.point].item<int64_t>()},
                                 {"class", explained.label},
                                 {"margin", effects.mean}};
  if (explained.full) {
    json["full_margin"] = explained.full->margin;
    json["full_models"] = explained.full->votes.of;
    json["predict_class"] = explained.full->votes.agree;
    json["favourite"] = explained.full->votes.label;
    json["favourite_votes"] = explained.full->votes.votes;
  }
  json["threshold"] = effects.threshold;
  json["freedom"] = effects.freedom;
  json["standing_out"] = effects.standing_out;
  json["helps"] = examples_json(models, effects, explained.helps);
  json["hurts"] = examples_json(models, effects, explained.hurts);
  return json;
}

void write_explanations(const ExplainFlags& flags, const SubsetModels& models,
                        const EffectsOnPoints& found, const std::vector<Explained>& explained) {
  ExplainPage page;
  page.title = explained.size() == 1 ? "What this prediction was learnt from"
                                     : "What these predictions were learnt from";
  page.subtitle =
      fmt::format("Effects of {} training examples by {} subset models that saw {:.0f}% of them",
                  count_text(models.n()), count_text(models.masks.size(0)), 100 * found.alpha);
  for (const auto& point : explained) page.points.push_back(page_point(models, point));
  page.command = "expunge explain" + given_subset_flags(flags.source);
  for (const int64_t point : flags.points) page.command += fmt::format(" --point {}", point);
  page.command += fmt::format(" --top {}", flags.top);
  if (!flags.label.empty()) page.command += " --class " + shell_quoted(flags.label);
  if (flags.effects.lambda_ratio)
    page.command += fmt::format(" --lambda-ratio {}", *flags.effects.lambda_ratio);
  page.command += fmt::format(" --seed {} --html {}", flags.effects.seed, shell_quoted(flags.html));
  write_file_atomically(flags.html, render_explanations(page));
}

void explain(ExplainFlags& flags) {
  if (!flags.html.empty()) check_output(flags.html);
  if (flags.top < 1) fail<OptionError>("option top: 1 or more required, got {}", flags.top);
  flags.effects.workers = flags.common.workers;
  flags.effects.validate();
  const auto models = read_subset_models(flags.source);
  for (const int64_t point : flags.points) {
    if (point < 0 || point >= models.m()) {
      fail<OptionError>("option point: 0 to {} required, {} training examples first, got {}",
                        models.m() - 1, models.n(), point);
    }
  }
  auto labels = models.labels.clone();
  if (!flags.label.empty()) {
    const auto names = models.data ? models.data->train.class_names : std::vector<std::string>{};
    const int64_t label = class_label(flags.label, models.classes(), names);
    for (const int64_t point : flags.points) labels[point] = label;
  }
  const auto outputs = margins(models.logits, labels, flags.common.workers);
  const auto found = effects_on_points(models.masks, outputs, flags.points, flags.effects);
  std::vector<Explained> explained;
  for (const auto& effects : found.points) {
    explained.push_back({effects, labels[effects.point].item<int64_t>(),
                         full_models_on(models, labels, effects.point, flags.common.workers),
                         strongest_examples(effects, flags.top, 1),
                         strongest_examples(effects, flags.top, -1)});
  }
  if (!flags.html.empty()) write_explanations(flags, models, found, explained);

  if (flags.common.json) {
    nlohmann::ordered_json json = {{"n", models.n()},
                                   {"subset_models", models.masks.size(0)},
                                   {"alpha", found.alpha},
                                   {"lambda", found.lambda.lambda},
                                   {"lambda_ratio", found.lambda.ratio},
                                   {"lambda_chosen", !found.lambda.curve.empty()}};
    for (const auto& point : explained) json["points"].push_back(point_json(models, point));
    if (!flags.html.empty()) json["html"] = flags.html;
    print_json(json);
    return;
  }
  std::string text;
  for (const auto& point : explained)
    text += (text.empty() ? "" : "\n") + point_text(models, point);
  if (!flags.html.empty()) text += "\n-> " + flags.html + "\n";
  std::printf("%s", text.c_str());
}

}  // namespace

void register_explain(CLI::App& app) {
  auto* command = app.add_subcommand(
      "explain",
      "Show which training examples help and hurt a prediction most, and how sure that is");
  const auto flags = std::make_shared<ExplainFlags>();
  command
      ->add_option("--point", flags->points,
                   "Evaluation point, by index: the training set, then the validation set; may be "
                   "repeated")
      ->required();
  command->add_option("--top", flags->top, "How many examples of each kind to show [10]")
      ->check(check_count);
  command->add_option("--class", flags->label,
                      "The class whose margin is explained, by number or, where they are known, by "
                      "name [the point's own]");
  command->add_option("--html", flags->html, "Page with the pictures, one file");
  add_subset_flags(*command, flags->source);
  add_option_flags(*command, options_of(flags->effects));
  add_common_flags(*command, flags->common);
  command->callback([flags] { explain(*flags); });
}

}  // namespace expunge::app
