// expunge convex: a linear model unlearned exactly, and every gradient method's way there beside theory.

#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/convex/comparison.h"
#include "expunge/convex/convex_page.h"
#include "expunge/convex/convex_plots.h"
#include "expunge/convex/convex_tables.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/npy.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/core/toml_file.h"
#include "expunge/data/forget_set.h"
#include "table_source.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct ConvexFlags {
  TableFlags table;
  std::string forget, out = "runs/convex", config;
  LinearOptions linear{.standardise = Standardise::fixed};
  ComparisonOptions comparison;
  CommonFlags common;
  std::string given;  // options of the command line that are not their defaults
};

void write_all(const ConvexFlags& flags, const ConvexComparison& found) {
  const fs::path out = flags.out;
  fs::create_directories(out);
  write_npy(out / "unlearned-weights.npy", found.unlearned.weights.contiguous());
  write_npy(out / "unlearned-intercept.npy", found.unlearned.intercept.contiguous());
  write_npy(out / "full-weights.npy", found.full.weights.contiguous());
  write_npy(out / "full-intercept.npy", found.full.intercept.contiguous());
  write_file_atomically(out / "curves.csv", curve_table(found).csv());
  write_file_atomically(out / "closed-forms.csv", closed_form_table(found).csv());
  write_file_atomically(out / "rates.csv", rate_table(found).csv());
  if (!found.balls.empty()) write_file_atomically(out / "noise-ball.csv", ball_table(found).csv());
  write_file_atomically(out / "convex.svg", comparison_svg(found));
  ConvexPage page;
  const bool ridge = found.model == LinearKind::ridge;
  page.title = ridge ? "Unlearning a ridge regression" : "Unlearning a logistic regression";
  page.subtitle = fmt::format("{} of {}, {}, {} forgotten; lambda {}", counted(found.n, "example"),
                              counted(found.features, "feature"), counted(found.outputs, "output"),
                              count_text(found.forgotten), flags.linear.lambda);
  if (flags.linear.standardise == Standardise::fixed) {
    page.warnings.push_back(
        "Means and deviations of the features are those of all examples, the forgotten ones "
        "included" +
        std::string(ridge ? "; --standardise again takes those of the retained ones." : "."));
  }
  page.command = "expunge convex" + given_table_flags(flags.table) + " --forget " +
                 shell_quoted(flags.forget) + flags.given + " --out " + shell_quoted(flags.out);
  write_file_atomically(out / "report.html", render_convex(page, found));
}

void print(const ConvexFlags& flags, const ConvexComparison& found) {
  if (!flags.common.json) {
    std::string text = plain(convex_result(found)) + "\n\n" + closed_form_table(found).text() +
                       "\n" + rate_table(found).text();
    if (!found.balls.empty()) {
      text += "\nNoise ball of SGD on the retain loss\n" + ball_table(found).text();
      text +=
          fmt::format("squared distance grows as the step to the power {:.3f}", found.ball_slope);
      if (std::isfinite(found.predicted_ball_slope))
        text += fmt::format(" (predicted {:.3f})", found.predicted_ball_slope);
      text += "\n";
    }
    std::printf("%s\nReport: %s\n", text.c_str(), (fs::path(flags.out) / "report.html").c_str());
    return;
  }
  nlohmann::ordered_json json = {{"n", found.n},
                                 {"features", found.features},
                                 {"outputs", found.outputs},
                                 {"forgotten", found.forgotten},
                                 {"method", found.method},
                                 {"relative_error", json_number(found.relative_error)},
                                 {"distance", json_number(found.distance)}};
  if (found.condition > 0) json["condition"] = json_number(found.condition);
  for (const auto& form : found.closed_forms) {
    json["closed_forms"].push_back(
        {{"name", form.name}, {"distance", json_number(form.distance)}, {"seconds", form.seconds}});
  }
  for (const auto& curve : found.curves) {
    json["methods"].push_back({{"name", curve.name},
                               {"step", curve.step},
                               {"batch", curve.batch},
                               {"smallest_eigenvalue", json_number(curve.smallest)},
                               {"largest_eigenvalue", json_number(curve.largest)},
                               {"steps", curve.times.back()},
                               {"distance", json_number(curve.measured.back())},
                               {"decay", json_number(curve.measured_rate)},
                               {"predicted_decay", json_number(curve.predicted_rate)},
                               {"bound_on_decay", json_number(curve.bound_rate)},
                               {"theory", theory_name(curve.theory)}});
  }
  for (const auto& ball : found.balls) {
    json["noise_balls"].push_back({{"step", ball.step},
                                   {"steps", ball.steps},
                                   {"squared_distance", json_number(ball.measured)},
                                   {"standard_error", json_number(ball.error)},
                                   {"predicted", json_number(ball.predicted)},
                                   {"small_step_limit", json_number(ball.first_order)},
                                   {"bound", json_number(ball.bound)}});
  }
  if (!found.balls.empty()) json["noise_ball_slope"] = json_number(found.ball_slope);
  json["out"] = flags.out;
  print_json(json);
}

// What a page must say for the same page to be made again.
std::string settings_given(ConvexFlags& flags) {
  std::string text;
  for (auto&& group : {options_of(flags.linear), options_of(flags.comparison)}) {
    for (const auto& field : group.fields()) {
      ConvexFlags defaults;
      for (auto&& other : {options_of(defaults.linear), options_of(defaults.comparison)}) {
        for (const auto& initial : other.fields()) {
          if (initial.name != field.name || to_toml(initial.get()) == to_toml(field.get()))
            continue;
          auto value = to_toml(field.get());
          std::erase(value, '"');
          text += fmt::format(" --{} {}", kebab_case(field.name), shell_quoted(value));
        }
      }
    }
  }
  return text;
}

void run(ConvexFlags& flags) {
  flags.linear.validate();
  flags.comparison.validate();
  if (fs::exists(flags.out) && !fs::is_directory(flags.out))
    fail<InputError>("{}: a folder to write in required, got a file", flags.out);
  flags.given = settings_given(flags);
  const auto table = read_table(flags.table);
  const auto forget = read_forget_set(flags.forget, table.size());
  const bool ridge = flags.comparison.model == LinearKind::ridge;
  if (!ridge && !table.labels.defined()) {
    fail<InputError>(
        "{}: classes required with --model logistic, got numbers (--task classification "
        "makes classes of them)",
        flags.table.table);
  }
  const auto tell = [&](const std::string& what) {
    if (!flags.common.quiet) std::fprintf(stderr, "expunge: %s\n", what.c_str());
  };
  const auto found = ridge ? compare_ridge(table, forget, flags.linear, flags.comparison,
                                           flags.common.workers, tell)
                           : compare_logistic(table, forget, flags.linear, flags.comparison,
                                              flags.common.workers, tell);
  write_all(flags, found);
  print(flags, found);
}

// A file with tables [convex] and [iterations]; flags that are given win, so it is read first.
void read_settings(ConvexFlags& flags, const std::string& path) {
  for (const auto& table : read_toml(path)) {
    if (table.name == "convex") {
      auto group = options_of(flags.linear);
      apply(table, group, path);
    } else if (table.name == "iterations") {
      auto group = options_of(flags.comparison);
      apply(table, group, path);
    } else {
      fail<OptionError>("{}:{}: tables convex and iterations expected, got \"{}\"", path,
                        table.line, table.name);
    }
  }
}

}  // namespace

void register_convex(CLI::App& app) {
  auto* command = app.add_subcommand(
      "convex",
      "Unlearn a linear model exactly, and compare gradient methods with it and with theory");
  const auto flags = std::make_shared<ConvexFlags>();
  add_table_flags(*command, flags->table);
  command->add_option("--forget", flags->forget, "Forget set, text file, one index a line")
      ->required();
  command->add_option("--out", flags->out,
                      "Folder for weights, tables, pictures and the report [runs/convex]");
  command
      ->add_option_function<std::string>(
          "--config",
          [flags](const std::string& path) {
            flags->config = path;
            read_settings(*flags, path);
          },
          "Settings as a TOML file, tables [convex] and [iterations]; flags that are given win")
      ->type_name("TEXT")
      ->trigger_on_parse();
  add_option_flags(*command, options_of(flags->linear));
  add_option_flags(*command, options_of(flags->comparison));
  add_common_flags(*command, flags->common);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
