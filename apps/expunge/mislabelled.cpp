// expunge mislabelled: the training examples whose labels are most suspect.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/data/forget_set.h"
#include "expunge/evaluate/left_out.h"
#include "expunge/evaluate/margins.h"
#include "expunge/evaluate/votes.h"
#include "expunge/report/mislabelled_page.h"
#include "subset_source.h"
#include "usage.h"

namespace expunge::app {
namespace {

enum class Suspicion { left_out_probability, left_out_margin, own_effect, full_margin };

struct MislabelledFlags {
  SubsetFlags source;
  int64_t count = 20;
  Suspicion by = Suspicion::left_out_probability;
  std::string known, out, html;
  CommonFlags common;
};

const std::vector<std::pair<std::string, Suspicion>>& suspicion_names() {
  static const std::vector<std::pair<std::string, Suspicion>> names = {
      {"left-out-probability", Suspicion::left_out_probability},
      {"left-out-margin", Suspicion::left_out_margin},
      {"own-effect", Suspicion::own_effect},
      {"full-margin", Suspicion::full_margin}};
  return names;
}

std::string suspicion_name(Suspicion by) {
  return suspicion_names()[static_cast<size_t>(by)].first;
}

OptionGroup options_of(MislabelledFlags& flags) {
  OptionGroup group("mislabelled", "Which examples");
  group.add(
      "by", flags.by, suspicion_names(),
      "most suspect first: the label's lowest probability or margin in models that did not see "
      "the example, the largest own effect, or the lowest margin in the full models");
  return group;
}

// What is known of every training example.
struct Evidence {
  LeftOutMargins left_out;
  torch::Tensor full_margin;  // (n) float64, undefined without full models

  // (n) float64, higher is more suspect; undefined where it is not known.
  [[nodiscard]] torch::Tensor suspicion(Suspicion by) const {
    if (by == Suspicion::left_out_margin) return -left_out.margin;
    if (by == Suspicion::left_out_probability) return -left_out.probability;
    if (by == Suspicion::own_effect) return left_out.own_effect;
    return full_margin.defined() ? -full_margin : full_margin;
  }
};

Evidence evidence_of(const SubsetModels& models, int64_t workers) {
  const int64_t n = models.n();
  const auto of_training = [&](const torch::Tensor& logits) {
    return margins(logits.slice(1, 0, n).contiguous(), models.labels.slice(0, 0, n), workers);
  };
  Evidence evidence{left_out_margins(models.masks, of_training(models.logits), workers), {}};
  if (models.full_logits.defined())
    evidence.full_margin = of_training(models.full_logits).to(torch::kFloat64).mean(0);
  return evidence;
}

// Of the models that did not see it.
Favourite favourite_without(const SubsetModels& models, int64_t i) {
  return favourite_class(models.logits, models.masks.select(1, i).logical_not(), i,
                         models.labels[i].item<int64_t>());
}

std::string with_error(const torch::Tensor& value, const torch::Tensor& error, int64_t i) {
  return fmt::format("{:.2f} ± {:.2f}", value[i].item<double>(), error[i].item<double>());
}

TextTable suspects_table(const SubsetModels& models, const Evidence& evidence,
                         const std::vector<int64_t>& suspects) {
  std::vector<TableColumn> columns = {
      {"example"},           {"class", Align::left}, {"models without it say", Align::left},
      {"margin without it"}, {"probability"},        {"own effect"}};
  if (evidence.full_margin.defined()) columns.push_back({"full models' margin"});
  TextTable table(columns);
  for (const int64_t i : suspects) {
    const auto favourite = favourite_without(models, i);
    const auto& left_out = evidence.left_out;
    std::vector<std::string> row = {fmt::to_string(i),
                                    models.class_name(models.labels[i].item<int64_t>()),
                                    fmt::format("{} ({} of {})", models.class_name(favourite.label),
                                                favourite.votes, favourite.of),
                                    with_error(left_out.margin, left_out.margin_error, i),
                                    fmt::format("{:.3f}", left_out.probability[i].item<double>()),
                                    with_error(left_out.own_effect, left_out.own_effect_error, i)};
    if (evidence.full_margin.defined())
      row.push_back(fmt::format("{:.2f}", evidence.full_margin[i].item<double>()));
    table.add_row(row);
  }
  return table;
}

nlohmann::ordered_json suspects_json(const SubsetModels& models, const Evidence& evidence,
                                     const std::vector<int64_t>& suspects) {
  auto json = nlohmann::ordered_json::array();
  for (const int64_t i : suspects) {
    const auto favourite = favourite_without(models, i);
    const auto& left_out = evidence.left_out;
    nlohmann::ordered_json one = {
        {"example", i},
        {"label", models.labels[i].item<int64_t>()},
        {"favourite", favourite.label},
        {"favourite_votes", favourite.votes},
        {"models_without", favourite.of},
        {"left_out_margin", left_out.margin[i].item<double>()},
        {"left_out_margin_error", left_out.margin_error[i].item<double>()},
        {"left_out_probability", left_out.probability[i].item<double>()},
        {"own_effect", left_out.own_effect[i].item<double>()},
        {"own_effect_error", left_out.own_effect_error[i].item<double>()}};
    if (evidence.full_margin.defined()) one["full_margin"] = evidence.full_margin[i].item<double>();
    json.push_back(std::move(one));
  }
  return json;
}

struct KnownDetection {
  Suspicion by;
  Detection detection;
};

std::vector<KnownDetection> detections(const Evidence& evidence, const torch::Tensor& wrong) {
  std::vector<KnownDetection> found;
  for (const auto& [name, by] : suspicion_names()) {
    const auto suspicion = evidence.suspicion(by);
    if (suspicion.defined()) found.push_back({by, detection_of(suspicion, wrong)});
  }
  return found;
}

TextTable detection_table(const std::vector<KnownDetection>& found) {
  TextTable table({{"order", Align::left}, {"found"}, {"precision"}, {"AUC"}});
  for (const auto& [by, d] : found) {
    table.add_row({suspicion_name(by), fmt::format("{} of {}", d.found, d.count),
                   fmt::format("{:.2f}", d.precision), fmt::format("{:.3f}", d.auc)});
  }
  return table;
}

void write_suspects(const MislabelledFlags& flags, const SubsetModels& models,
                    const Evidence& evidence, const std::vector<int64_t>& suspects,
                    const std::vector<KnownDetection>& found) {
  MislabelledPage page;
  page.title = "Labels that the other examples contradict";
  page.subtitle =
      fmt::format("{} of {} training examples, by {} subset models", count_text(flags.count),
                  count_text(models.n()), count_text(models.masks.size(0)));
  page.caption = fmt::format(
      "Order: {}. Below each picture the class that the data give it, its index, the label's "
      "margin in "
      "nats over the models that did not see it with its standard error, and the class that most "
      "of "
      "these models predict.",
      suspicion_name(flags.by));
  for (const int64_t i : suspects) {
    auto example = models.shown(i);
    const auto favourite = favourite_without(models, i);
    example.value = with_error(evidence.left_out.margin, evidence.left_out.margin_error, i);
    example.note = fmt::format("models: {}", models.class_name(favourite.label));
    page.suspects.push_back(std::move(example));
  }
  for (const auto& [by, d] : found) {
    if (by != flags.by) continue;
    page.result = {{fmt::format("{} of {}", d.found, d.count), true},
                   {fmt::format(" most suspect labels are known to be wrong, AUC {:.3f}.", d.auc)}};
  }
  if (!found.empty()) page.known = {detection_table(found)};
  page.command = "expunge mislabelled" + given_subset_flags(flags.source) +
                 fmt::format(" --count {} --by {}", flags.count, suspicion_name(flags.by));
  if (!flags.known.empty()) page.command += " --known " + shell_quoted(flags.known);
  page.command += " --html " + shell_quoted(flags.html);
  write_file_atomically(flags.html, render_mislabelled(page));
}

void write_list(const MislabelledFlags& flags, const SubsetModels& models,
                const std::vector<int64_t>& suspects) {
  write_forget_set(flags.out, suspects,
                   {fmt::format("{} of {} training examples, most suspect labels first",
                                suspects.size(), models.n()),
                    "made by: expunge mislabelled" + given_subset_flags(flags.source) +
                        fmt::format(" --count {} --by {}", flags.count, suspicion_name(flags.by))});
}

void find_mislabelled(const MislabelledFlags& flags) {
  for (const auto* file : {&flags.out, &flags.html}) {
    if (!file->empty()) check_output(*file);
  }
  const auto models = read_subset_models(flags.source);
  if (flags.count < 1 || flags.count >= models.n())
    fail<OptionError>("option count: 1 to {} required, got {}", models.n() - 1, flags.count);
  if (flags.by == Suspicion::full_margin && !models.full_logits.defined())
    fail<OptionError>("--by full-margin: full models required, by --experiment or --full-logits");
  torch::Tensor wrong;
  if (!flags.known.empty())
    wrong = forget_mask(read_forget_set(flags.known, models.n()), models.n());
  const auto evidence = evidence_of(models, flags.common.workers);
  const auto suspects = most_suspicious(evidence.suspicion(flags.by), flags.count);
  const auto found = wrong.defined() ? detections(evidence, wrong) : std::vector<KnownDetection>{};
  if (!flags.html.empty()) write_suspects(flags, models, evidence, suspects, found);
  if (!flags.out.empty()) write_list(flags, models, suspects);

  if (flags.common.json) {
    nlohmann::ordered_json json = {{"n", models.n()},
                                   {"subset_models", models.masks.size(0)},
                                   {"by", suspicion_name(flags.by)},
                                   {"suspects", suspects_json(models, evidence, suspects)}};
    for (const auto& [by, d] : found) {
      json["known"].push_back({{"by", suspicion_name(by)},
                               {"found", d.found},
                               {"of", d.count},
                               {"precision", d.precision},
                               {"auc", d.auc}});
    }
    if (!flags.out.empty()) json["out"] = flags.out;
    if (!flags.html.empty()) json["html"] = flags.html;
    print_json(json);
    return;
  }
  std::string text = fmt::format("{} of {} training examples, most suspect first, by {}; nats\n{}",
                                 suspects.size(), models.n(), suspicion_name(flags.by),
                                 suspects_table(models, evidence, suspects).text());
  if (!found.empty()) text += "\n" + detection_table(found).text();
  if (!flags.out.empty()) text += fmt::format("\n-> {}\n", flags.out);
  if (!flags.html.empty()) text += fmt::format("\n-> {}\n", flags.html);
  std::printf("%s", text.c_str());
}

}  // namespace

void register_mislabelled(CLI::App& app) {
  auto* command = app.add_subcommand(
      "mislabelled",
      "Find training examples whose labels the others contradict: by models that did not see them");
  const auto flags = std::make_shared<MislabelledFlags>();
  command->add_option("--count", flags->count, "How many to show and write [20]")
      ->check(check_count);
  command->add_option(
      "--known", flags->known,
      "Examples known to be mislabelled, text file, one index a line: tells how many "
      "each order finds");
  command->add_option("--out", flags->out,
                      "Where the list goes: text, one index a line, as forget sets are");
  command->add_option("--html", flags->html, "Page with the pictures, one file");
  add_subset_flags(*command, flags->source);
  add_option_flags(*command, options_of(*flags));
  add_common_flags(*command, flags->common);
  command->callback([flags] { find_mislabelled(*flags); });
}

}  // namespace expunge::app
