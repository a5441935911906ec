#include "expunge/pipeline/sweep_config.h"

#include <algorithm>
#include <set>

#include "expunge/core/error.h"
#include "expunge/core/toml_file.h"

namespace expunge {
namespace {

const char* const kPrediction = "prediction";

// What a [[method]] says beside the options of its kind.
struct MethodHead {
  std::string name;
  std::string kind = "matching";
  std::string targets;
  std::string datamodels;
  bool trajectory = false;
};

OptionGroup options_of(MethodHead& o) {
  std::vector<std::string> kinds = {kPrediction};
  for (const auto& [name, kind] : method_kinds()) kinds.push_back(name);
  OptionGroup group("method", "A method of a sweep");
  group.add("name", o.name, "name in tables and plots")
      .add("kind", o.kind, kinds, "what it does")
      .add("targets", o.targets, {"predicted", "oracle"}, "matching: where the targets come from")
      .add("datamodels", o.datamodels, "whose predictions; empty: the experiment's own")
      .add("trajectory", o.trajectory, "keep the margins after each pass");
  return group;
}

// The values that a key takes: a list's, one after the other, or its only one.
std::vector<OptionValue> values_of(const OptionValue& value) {
  std::vector<OptionValue> values;
  std::visit(
      [&]<class T>(const T& v) {
        if constexpr (std::is_same_v<T, std::vector<int64_t>> ||
                      std::is_same_v<T, std::vector<double>> ||
                      std::is_same_v<T, std::vector<std::string>>) {
          for (const auto& element : v) values.emplace_back(element);
        } else {
          values.emplace_back(v);
        }
      },
      value);
  return values;
}

class MethodReader {
 public:
  MethodReader(const TomlTable& table, std::string where)
      : table_(table), where_(std::move(where)) {}

  std::vector<SweepCell> cells() {
    read_head();
    SweepCell cell;
    cell.method = head_.name;
    cell.datamodels = head_.datamodels;
    cell.trajectory = head_.trajectory;
    cell.prediction = head_.kind == kPrediction;
    if (cell.prediction) {
      cell.targets = CellTargets::predicted;
      if (head_.trajectory) refuse(table_.line, "trajectory: a prediction has none");
    }
    for (const auto& [name, kind] : method_kinds()) {
      if (name == head_.kind) cell.options.kind = kind;
    }
    const bool matching = !cell.prediction && cell.options.kind == MethodKind::matching;
    if (matching)
      cell.targets = head_.targets == "oracle" ? CellTargets::oracle : CellTargets::predicted;
    if (!matching && !head_.targets.empty())
      refuse(table_.line, fmt::format("targets: only matching has them, got kind {}", head_.kind));
    if (cell.targets != CellTargets::predicted && !head_.datamodels.empty())
      refuse(table_.line, "datamodels: only methods with predicted targets have them");
    expand(std::move(cell), 0);
    return std::move(cells_);
  }

 private:
  [[noreturn]] void refuse(int64_t line, const std::string& why) const {
    fail<OptionError>("{}:{}: {}", where_, line, why);
  }

  void read_head() {
    auto group = options_of(head_);
    std::vector<std::string> known;
    for (const auto& field : group.fields()) known.push_back(field.name);
    TomlTable head = table_;
    head.entries.clear();
    for (const auto& entry : table_.entries) {
      const bool is_head = std::find(known.begin(), known.end(), entry.key) != known.end();
      (is_head ? head.entries : axes_).push_back(entry);
    }
    apply(head, group, where_);
    if (head_.name.empty()) refuse(table_.line, "[[method]]: option name required");
  }

  void expand(SweepCell cell, size_t axis) {
    if (axis == axes_.size()) {
      check(cell);
      cells_.push_back(std::move(cell));
      return;
    }
    const auto& entry = axes_[axis];
    const auto values = values_of(entry.value);
    if (values.empty()) refuse(entry.line, entry.key + ": a value required, got an empty list");
    for (const auto& value : values) {
      SweepCell next = cell;
      try {
        if (cell.prediction) {
          OptionGroup("prediction", "Predicted logits, without options").set(entry.key, value);
        } else {
          expunge::options_of(next.options).set(entry.key, value);
        }
      } catch (const OptionError& error) {
        refuse(entry.line, error.what());
      }
      if (values.size() > 1) {
        next.varied +=
            fmt::format("{}{} {}", next.varied.empty() ? "" : ", ", entry.key,
                        std::holds_alternative<std::string>(value) ? std::get<std::string>(value)
                                                                   : to_toml(value));
      }
      expand(std::move(next), axis + 1);
    }
  }

  void check(const SweepCell& cell) const {
    try {
      if (!cell.prediction) make_unlearner(cell.options, Recipe{});
    } catch (const OptionError& error) {
      refuse(table_.line, fmt::format("{}{}{}: {}", cell.method, cell.varied.empty() ? "" : ", ",
                                      cell.varied, error.what()));
    }
  }

  const TomlTable& table_;
  std::string where_;
  MethodHead head_;
  std::vector<TomlTable::Entry> axes_;
  std::vector<SweepCell> cells_;
};

}  // namespace

std::map<std::string, std::string> SweepCell::settings() const {
  if (prediction) return {{"method.kind", kPrediction}};
  MethodOptions copy = options;
  auto all = settings_of(options_of(copy), "method.");
  for (const auto& [name, kind] : method_kinds()) {
    if (kind == options.kind) all["method.kind"] = name;
  }
  if (targets != CellTargets::none)
    all["method.targets"] = targets == CellTargets::oracle ? "oracle" : "predicted";
  return all;
}

SweepConfig read_sweep_config(const std::filesystem::path& path) {
  SweepConfig config;
  config.path = path;
  const auto where = path.string();
  std::set<std::string> names;
  for (const auto& table : read_toml(path)) {
    if (table.name.empty()) {
      OptionGroup top("", "The sweep");
      top.add("name", config.name, "name of the sweep and of its tables");
      apply(table, top, where);
    } else if (table.name == "datamodels") {
      auto group = options_of(config.datamodels.emplace_back());
      apply(table, group, where);
      const auto& added = config.datamodels.back();
      try {
        added.validate();
      } catch (const OptionError& error) {
        fail<OptionError>("{}:{}: {}", where, table.line, error.what());
      }
      if (!names.insert(added.name).second)
        fail<OptionError>("{}:{}: two [[datamodels]] are named \"{}\"", where, table.line,
                          added.name);
    } else if (table.name == "method") {
      for (auto& cell : MethodReader(table, where).cells()) {
        for (const auto& other : config.cells) {
          if (other.method == cell.method && other.datamodels == cell.datamodels &&
              other.settings() == cell.settings()) {
            fail<OptionError>("{}:{}: {} has two cells with the same options", where, table.line,
                              cell.method);
          }
        }
        config.cells.push_back(std::move(cell));
      }
    } else {
      fail<OptionError>("{}:{}: unknown table [{}]; did you mean [{}]?", where, table.line,
                        table.name, nearest_name(table.name, {"datamodels", "method"}));
    }
  }
  if (!is_plain_name(config.name))
    fail<OptionError>("{}: option name: letters, digits, - _ . required, got \"{}\"", where,
                      config.name);
  if (config.cells.empty()) fail<OptionError>("{}: at least one [[method]] required", where);
  for (const auto& cell : config.cells) {
    if (cell.datamodels.empty() || names.contains(cell.datamodels)) continue;
    fail<OptionError>("{}: method {}: [[datamodels]] named \"{}\" required, none there", where,
                      cell.method, cell.datamodels);
  }
  return config;
}

}  // namespace expunge
