// The file of a study of numbers of models.
#include <set>

#include "expunge/core/error.h"
#include "expunge/core/toml_file.h"
#include "expunge/pipeline/model_counts.h"

namespace expunge {
namespace {

// The keys above the first table.
struct ModelCountHead {
  std::string name = "model-count";
  std::vector<int64_t> models = {25, 50, 100, 200, 400, 800};
  int64_t parts = 4;
};

OptionGroup options_of(ModelCountHead& o) {
  OptionGroup group("", "How many subset models predictions need");
  group.add("name", o.name, "name of the study")
      .add("models", o.models, "numbers of subset models, ascending", "models")
      .add("parts", o.parts, "parts of each number that share no model, at most");
  return group;
}

// Reads a table into `options`; faults carry the file and the line.
template <class Options>
void read_table(const TomlTable& table, Options& options, const std::string& where) {
  auto group = options_of(options);
  apply(table, group, where);
  try {
    options.validate();
  } catch (const OptionError& error) {
    fail<OptionError>("{}:{}: {}", where, table.line, error.what());
  }
}

void require_new(std::set<std::string>& names, const std::string& name, const TomlTable& table,
                 const std::string& where) {
  if (!names.insert(name).second)
    fail<OptionError>("{}:{}: two [[{}]] are named \"{}\"", where, table.line, table.name, name);
}

}  // namespace

void SubsetEnsembleConfig::validate() const {
  if (!is_plain_name(name)) {
    fail<OptionError>("option name of [[ensemble]]: letters, digits, - _ . required, got \"{}\"",
                      name);
  }
  require_option(subset_models >= 2, "subset_models", "at least 2",
                 static_cast<double>(subset_models));
  masks.validate();
}

OptionGroup options_of(SubsetEnsembleConfig& o) {
  OptionGroup group("ensemble", "Subset models beside the experiment's own");
  group.add("name", o.name, "name: letters, digits, - _ .")
      .add("subset_models", o.subset_models, "models trained on random subsets", "models")
      .add("alpha", o.masks.alpha, "share of the examples that a subset model sees")
      .add("masks", o.masks.scheme, {"balanced", "independent"}, "how subsets are drawn");
  return group;
}

void CountedEstimator::validate() const {
  if (name.empty()) fail<OptionError>("option name of [[estimator]]: a name required, got none");
  if (models.empty()) fail<OptionError>("option models: at least one number required, got none");
  for (size_t i = 0; i < models.size(); ++i) {
    require_option(models[i] >= 2, "models", "at least 2", static_cast<double>(models[i]));
    if (i > 0 && models[i] <= models[i - 1]) {
      fail<OptionError>("option models: ascending numbers required, got {} after {}", models[i],
                        models[i - 1]);
    }
  }
  require_option(parts >= 1, "parts", "at least 1", static_cast<double>(parts));
  attribution.validate();
}

OptionGroup options_of(CountedEstimator& o) {
  OptionGroup group("estimator", "An estimator and the models that it is fitted on");
  group.add("name", o.name, "name in tables and plots")
      .add("ensemble", o.ensemble, "whose models; empty: the experiment's own")
      .add("models", o.models, "numbers of subset models, ascending", "models")
      .add("parts", o.parts, "parts of each number that share no model, at most")
      .include(options_of(o.attribution));
  return group;
}

ModelCountConfig read_model_count_config(const std::filesystem::path& path) {
  ModelCountConfig config;
  config.path = path;
  const auto where = path.string();
  ModelCountHead head;
  std::set<std::string> ensembles, estimators;
  for (const auto& table : read_toml(path)) {
    if (table.name.empty()) {
      auto group = options_of(head);
      apply(table, group, where);
      config.name = head.name;
    } else if (table.name == "ensemble") {
      read_table(table, config.ensembles.emplace_back(), where);
      require_new(ensembles, config.ensembles.back().name, table, where);
    } else if (table.name == "estimator") {
      auto& estimator = config.estimators.emplace_back();
      estimator.models = head.models;
      estimator.parts = head.parts;
      read_table(table, estimator, where);
      require_new(estimators, estimator.name, table, where);
    } else {
      fail<OptionError>("{}:{}: unknown table [{}]; did you mean [{}]?", where, table.line,
                        table.name, nearest_name(table.name, {"ensemble", "estimator"}));
    }
  }
  if (config.estimators.empty())
    fail<OptionError>("{}: at least one [[estimator]] required", where);
  for (const auto& estimator : config.estimators) {
    if (estimator.ensemble.empty() || ensembles.contains(estimator.ensemble)) continue;
    fail<OptionError>("{}: estimator {}: [[ensemble]] named \"{}\" required, none there", where,
                      estimator.name, estimator.ensemble);
  }
  return config;
}

}  // namespace expunge
