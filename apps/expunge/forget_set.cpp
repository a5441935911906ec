// expunge forget-set: a forget set chosen by a rule that anyone can apply again. Here what its
// kinds share, and the kinds that need no arrays: random, class, ids.

#include "forget_set.h"

#include <cstdio>

#include "expunge/core/error.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/data/forget_selection.h"
#include "expunge/data/forget_set.h"
#include "usage.h"

namespace expunge::app {

void finish(const ForgetSetFlags& flags, const TrainingSet& training, const Chosen& chosen) {
  check_forget_set(chosen.forget, training.n, chosen.kind);
  std::string made_by = "made by: expunge forget-set " + chosen.kind;
  for (const auto& [name, value] : chosen.given)
    made_by += fmt::format(" {} {}", name, shell_quoted(value));
  const auto what = fmt::format("{} of {} training examples", chosen.forget.size(), training.n);
  const auto counts = class_counts(training, chosen.forget);
  std::vector<std::string> comments = {fmt::format("{}, {}", what, chosen.order), made_by};
  comments.insert(comments.end(), chosen.details.begin(), chosen.details.end());
  if (!counts.empty()) comments.push_back("classes: " + counts);
  write_forget_set(flags.out, chosen.forget, comments);

  if (flags.common.json) {
    nlohmann::ordered_json json = {{"kind", chosen.kind},
                                   {"examples", chosen.forget.size()},
                                   {"n", training.n},
                                   {"out", flags.out},
                                   {"classes", class_counts_json(training, chosen.forget)}};
    json.update(chosen.json);
    print_json(json);
    return;
  }
  std::string text = fmt::format("{} -> {}", what, flags.out);
  for (const auto& line : chosen.details) text += "\n" + line;
  if (!counts.empty()) text += "\nclasses: " + counts;
  std::printf("%s\n", text.c_str());
}

void add_output_flags(CLI::App& command, ForgetSetFlags& flags) {
  add_training_set_flags(command, flags.training);
  command.add_option("--out", flags.out, "Where the forget set goes: text, one index a line")
      ->required();
  add_common_flags(command, flags.common);
}

CLI::Option* add_count(CLI::App& command, ForgetSetFlags& flags, const char* help) {
  return command.add_option("--count", flags.count, help)->check(check_count);
}

void append(Given& to, const Given& more) {
  to.insert(to.end(), more.begin(), more.end());
}

namespace {

void add_seed(CLI::App& command, ForgetSetFlags& flags) {
  command.add_option("--seed", flags.seed, "Seed of the draw [0]")->check(check_count);
}

void choose_random(const ForgetSetFlags& flags) {
  check_output(flags.out);
  const auto training = read_training_set(flags.training);
  Chosen chosen{
      .kind = "random",
      .forget = random_examples(training.n, flags.count, static_cast<uint64_t>(flags.seed)),
      .order = "drawn uniformly, in the order of the draw",
      .given = given_flags(flags.training),
      .details = {},
      .json = {{"seed", flags.seed}}};
  append(chosen.given,
         {{"--count", fmt::to_string(flags.count)}, {"--seed", fmt::to_string(flags.seed)}});
  finish(flags, training, chosen);
}

void register_random(CLI::App& app) {
  auto* command = app.add_subcommand("random", "Examples drawn uniformly");
  const auto flags = std::make_shared<ForgetSetFlags>();
  add_count(*command, *flags, "How many")->required();
  add_seed(*command, *flags);
  add_output_flags(*command, *flags);
  command->callback([flags] { choose_random(*flags); });
}

struct ClassFlags : ForgetSetFlags {
  std::string name, subpopulation;
  double share = 0;
};

void choose_class(const ClassFlags& flags, bool by_count, bool by_share) {
  check_output(flags.out);
  if (by_count && by_share)
    fail<OptionError>("--count and --share: one of them required at most, got both");
  if (flags.name.empty() == flags.subpopulation.empty()) {
    fail<OptionError>("class: one of --class and --subpopulation required, got {}",
                      flags.name.empty() ? "none" : "both");
  }
  const bool whole_class = flags.subpopulation.empty();
  const auto training = read_training_set(flags.training);
  if (!training.labels.defined())
    fail<OptionError>("class: labels required, by --config, --experiment or --labels");
  const int64_t label = whole_class
                            ? class_label(flags.name, training.classes(), training.class_names)
                            : subpopulation_index(flags.subpopulation, training.group_names);
  const auto& labels = whole_class ? training.labels : training.groups;
  const std::string option = whole_class ? "class" : "subpopulation";
  Chosen chosen{.kind = "class",
                .forget = {},
                .order = fmt::format("a whole {}, in increasing order", option),
                .given = given_flags(flags.training),
                .details = {},
                .json = {{option, label}}};
  append(chosen.given, {{"--" + option, whole_class ? flags.name : flags.subpopulation}});
  if (by_count || by_share) {
    int64_t count = flags.count;
    if (by_share) {
      const int64_t members = (labels == label).sum().item<int64_t>();
      count = count_of_share(flags.share, members);
      append(chosen.given, {{"--share", fmt::format("{}", flags.share)}});
    } else {
      append(chosen.given, {{"--count", fmt::to_string(count)}});
    }
    append(chosen.given, {{"--seed", fmt::to_string(flags.seed)}});
    chosen.order = fmt::format("drawn uniformly from a {}, in the order of the draw", option);
    chosen.json["seed"] = flags.seed;
    const auto seed = static_cast<uint64_t>(flags.seed);
    chosen.forget = whole_class ? class_examples(labels, label, count, seed)
                                : subpopulation_examples(labels, label, count, seed);
  } else {
    chosen.forget =
        whole_class ? class_examples(labels, label) : subpopulation_examples(labels, label);
  }
  if (!whole_class) {
    const auto& name = training.group_names[static_cast<size_t>(label)];
    chosen.details.push_back(fmt::format("subpopulation: {} of {} {}", chosen.forget.size(),
                                         (labels == label).sum().item<int64_t>(), name));
    chosen.json["subpopulation_name"] = name;
  }
  finish(flags, training, chosen);
}

void register_class(CLI::App& app) {
  auto* command = app.add_subcommand(
      "class", "A class, one of its subpopulations, or a part of either that is drawn uniformly");
  const auto flags = std::make_shared<ClassFlags>();
  command->add_option("--class", flags->name, "The class, by number or, with --config, by name");
  command->add_option(
      "--subpopulation", flags->subpopulation,
      "Instead of --class, with --config: one of a class's subpopulations, by name or "
      "number (of living17, ImageNet's WordNet id)");
  const auto* count = add_count(*command, *flags, "How many of it; all if not given");
  const auto* share =
      command->add_option("--share", flags->share, "Instead of --count: share of it, (0, 1]");
  add_seed(*command, *flags);
  add_output_flags(*command, *flags);
  command->callback(
      [flags, count, share] { choose_class(*flags, count->count() > 0, share->count() > 0); });
}

struct IdFlags : ForgetSetFlags {
  std::vector<int64_t> ids;
  std::string file;
};

void choose_ids(IdFlags& flags) {
  check_output(flags.out);
  if (flags.ids.empty() == flags.file.empty())
    fail<OptionError>("ids: one of --ids and --file required");
  const auto training = read_training_set(flags.training);
  auto forget = flags.file.empty() ? flags.ids : read_forget_set(flags.file, training.n);
  check_forget_set(forget, training.n, flags.file.empty() ? "--ids" : flags.file);
  std::sort(forget.begin(), forget.end());
  Chosen chosen{.kind = "ids",
                .forget = forget,
                .order = "as listed, in increasing order",
                .given = given_flags(flags.training),
                .details = {},
                .json = nlohmann::ordered_json::object()};
  append(chosen.given,
         {flags.file.empty() ? std::pair{"--ids", fmt::format("{}", fmt::join(flags.ids, ","))}
                             : std::pair{"--file", flags.file}});
  finish(flags, training, chosen);
}

void register_ids(CLI::App& app) {
  auto* command = app.add_subcommand("ids", "Examples that are listed");
  const auto flags = std::make_shared<IdFlags>();
  command->add_option("--ids", flags->ids, "Indices of examples, with commas between them")
      ->delimiter(',');
  command->add_option("--file", flags->file, "Instead: text file, one index a line");
  add_output_flags(*command, *flags);
  command->callback([flags] { choose_ids(*flags); });
}

}  // namespace

void register_forget_set(CLI::App& app) {
  auto* command = app.add_subcommand(
      "forget-set",
      "Choose examples to forget: random, class, nearest, principal or ids; into a text file that "
      "says how");
  command->require_subcommand(1);
  register_random(*command);
  register_class(*command);
  register_nearest(*command);
  register_principal(*command);
  register_ids(*command);
}

}  // namespace expunge::app
