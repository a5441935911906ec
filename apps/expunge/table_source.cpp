#include "table_source.h"

#include <ATen/ops/empty.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/shell_quoted.h"
#include "expunge/data/csv_table.h"
#include "expunge/data/idx.h"
#include "usage.h"

namespace expunge::app {
namespace {

bool is_npy(const std::string& path) {
  return path.ends_with(".npy");
}

constexpr size_t kMostClasses = 1000;

// Classes are the different values, in order.
template <class Value, class Name>
Table classified(torch::Tensor x, const std::vector<Value>& values, const Name& name_of,
                 const std::string& where) {
  const std::set<Value> distinct(values.begin(), values.end());
  if (distinct.size() < 2 || distinct.size() > kMostClasses) {
    fail<InputError>("{}: 2 to {} classes required, got {} different targets", where, kMostClasses,
                     distinct.size());
  }
  const std::vector<Value> order(distinct.begin(), distinct.end());
  auto labels = at::empty({static_cast<int64_t>(values.size())}, torch::kInt64);
  for (size_t i = 0; i < values.size(); ++i) {
    labels[static_cast<int64_t>(i)] =
        std::lower_bound(order.begin(), order.end(), values[i]) - order.begin();
  }
  std::vector<std::string> names;
  for (const auto& value : order) names.push_back(name_of(value));
  return labelled_table(std::move(x), std::move(labels), std::move(names));
}

std::string number_name(double value) {
  return fmt::format("{}", value);
}

Table from_csv(const TableFlags& flags) {
  if (!flags.targets.empty())
    fail<OptionError>("--targets: an .npy table required beside it, got {}", flags.table);
  const auto csv = read_csv_table(flags.table, flags.column);
  const bool numbers = csv.target_numbers.defined();
  if (flags.task == "regression" && !numbers)
    fail<InputError>("{}: numbers in column {} required for regression", flags.table,
                     csv.target_name);
  const bool classes = flags.task == "classification" || !numbers;
  if (!classes) {
    Table table;
    table.x = csv.features;
    table.y = csv.target_numbers.unsqueeze(1);
    return table;
  }
  if (!numbers) {
    return classified(
        csv.features, csv.target, [](const std::string& name) { return name; }, flags.table);
  }
  const auto* first = csv.target_numbers.data_ptr<double>();
  return classified(csv.features, std::vector<double>(first, first + csv.target_numbers.numel()),
                    number_name, flags.table);
}

Table from_npy(const TableFlags& flags) {
  if (flags.targets.empty())
    fail<OptionError>("--targets: required beside {}, got none", flags.table);
  const auto x = read_npy(flags.table);
  if (x.dim() != 2 || x.scalar_type() == torch::kBool) {
    fail<InputError>("{}: features (n, d) of numbers required, got ({}) of {}", flags.table,
                     fmt::join(x.sizes(), ", "), toString(x.scalar_type()));
  }
  const auto y = read_npy(flags.targets);
  if (y.dim() < 1 || y.dim() > 2 || y.size(0) != x.size(0)) {
    fail<InputError>("{}: targets ({}) or ({}, k) required, as {} has them, got ({})",
                     flags.targets, x.size(0), x.size(0), flags.table, fmt::join(y.sizes(), ", "));
  }
  const bool whole = c10::isIntegralType(y.scalar_type(), /*includeBool=*/true);
  const bool classes =
      flags.task == "classification" || (flags.task == "auto" && whole && y.dim() == 1);
  const auto features = x.to(torch::kFloat64);
  if (classes) {
    if (y.dim() != 1 || !whole) {
      fail<InputError>("{}: labels (n) of whole numbers required, got ({}) of {}", flags.targets,
                       fmt::join(y.sizes(), ", "), toString(y.scalar_type()));
    }
    const auto labels = y.to(torch::kInt64).contiguous();
    const auto* first = labels.data_ptr<int64_t>();
    return classified(
        features, std::vector<int64_t>(first, first + labels.numel()),
        [](int64_t value) { return fmt::format("{}", value); }, flags.targets);
  }
  Table table;
  table.x = features;
  const auto targets = y.to(torch::kFloat64);
  table.y = targets.dim() == 1 ? targets.unsqueeze(1) : targets;
  return table;
}

Table from_idx(const TableFlags& flags) {
  if (flags.task == "regression")
    fail<OptionError>("--task: classification required with images, got regression");
  const auto data = read_idx(flags.table, "train");
  const auto count = flags.rows > 0 ? std::min(flags.rows, data.size()) : data.size();
  const auto pixels =
      data.images.narrow(0, 0, count).reshape({count, -1}).to(torch::kFloat64) / 255;
  return labelled_table(pixels, data.labels.narrow(0, 0, count).contiguous(), data.class_names);
}

Table first_rows(const Table& table, int64_t count) {
  Table part = table;
  part.x = table.x.narrow(0, 0, count).contiguous();
  part.y = table.y.narrow(0, 0, count).contiguous();
  if (table.labels.defined()) part.labels = table.labels.narrow(0, 0, count).contiguous();
  if (table.weights.defined()) part.weights = table.weights.narrow(0, 0, count).contiguous();
  return part;
}

}  // namespace

void add_table_flags(CLI::App& command, TableFlags& flags) {
  command
      .add_option(
          "table", flags.table,
          "The examples: a CSV file with a header, features (n, d) .npy, or a folder of IDX images")
      ->required();
  const auto add = [&](const char* name, auto& value, const char* help) {
    return command.add_option(name, value, help)->group("The table");
  };
  add("--targets", flags.targets,
      "Beside .npy features: numbers (n) or (n, k), or labels (n), .npy");
  add("--column", flags.column, "Of a CSV file: the column to predict [the last one]");
  add("--task", flags.task,
      "auto, regression or classification; auto: classes where targets are words or whole numbers "
      "in .npy "
      "[auto]")
      ->check(CLI::IsMember({"auto", "regression", "classification"}));
  add("--weights", flags.weights, "Weights of the examples, (n) .npy, at least 0 [1]");
  add("--rows", flags.rows, "How many examples, the first ones; 0 for all [0]")->check(check_count);
}

std::string given_table_flags(const TableFlags& flags) {
  std::string text = " " + shell_quoted(flags.table);
  if (!flags.targets.empty()) text += " --targets " + shell_quoted(flags.targets);
  if (!flags.column.empty()) text += " --column " + shell_quoted(flags.column);
  if (flags.task != "auto") text += " --task " + flags.task;
  if (!flags.weights.empty()) text += " --weights " + shell_quoted(flags.weights);
  if (flags.rows > 0) text += fmt::format(" --rows {}", flags.rows);
  return text;
}

Table read_table(const TableFlags& flags) {
  const bool folder = std::filesystem::is_directory(flags.table);
  if (!flags.column.empty() && (folder || is_npy(flags.table)))
    fail<OptionError>("--column: a CSV file required beside it, got {}", flags.table);
  auto table = folder ? from_idx(flags) : is_npy(flags.table) ? from_npy(flags) : from_csv(flags);
  table.name = flags.table;
  if (!flags.weights.empty()) {
    const auto weights = read_npy(flags.weights);
    if (weights.dim() != 1 || weights.size(0) != table.size() ||
        weights.scalar_type() == torch::kBool) {
      fail<InputError>("{}: weights ({}) of numbers required, got ({}) of {}", flags.weights,
                       table.size(), fmt::join(weights.sizes(), ", "),
                       toString(weights.scalar_type()));
    }
    table.weights = weights.to(torch::kFloat64).contiguous();
  }
  if (flags.rows > table.size()) {
    fail<InputError>("{}: {} examples required, got {}", flags.table, flags.rows, table.size());
  }
  if (flags.rows > 0) table = first_rows(table, flags.rows);
  table.validate(flags.table);
  return table;
}

}  // namespace expunge::app
