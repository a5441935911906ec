#include "expunge/pipeline/run_config.h"

#include <cmath>
#include <set>

#include "expunge/core/error.h"
#include "expunge/core/toml_file.h"

namespace expunge {
namespace {

OptionGroup top_options(RunConfig& config) {
  OptionGroup group("", "The experiment");
  group.add("name", config.name, "name of the experiment and of its folder");
  return group;
}

}  // namespace

bool is_plain_name(const std::string& name) {
  return !name.empty() && name.front() != '.' &&
         name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") ==
             std::string::npos;
}

void EnsembleOptions::validate() const {
  require_option(seed >= 0, "seed", "a whole number of at least 0", static_cast<double>(seed));
  require_option(subset_models >= 2, "subset_models", "at least 2",
                 static_cast<double>(subset_models));
  require_option(full_models >= 2, "full_models", "at least 2", static_cast<double>(full_models));
  require_option(oracle_models >= 4, "oracle_models",
                 "at least 4 (half to judge by, half for the floor)",
                 static_cast<double>(oracle_models));
  masks.validate();
  if (logits_dtype != "float32" && logits_dtype != "float16")
    fail<OptionError>("option logits_dtype: float32 or float16 required, got \"{}\"", logits_dtype);
}

OptionGroup options_of(EnsembleOptions& o) {
  OptionGroup group("ensembles", "How many models of each kind are trained");
  group.add("seed", o.seed, "seed from which those of all models are derived")
      .add("subset_models", o.subset_models, "models trained on random subsets, for attribution",
           "models")
      .add("full_models", o.full_models, "models trained on all examples, to be unlearned",
           "models")
      .add("oracle_models", o.oracle_models,
           "models retrained without the forget set, for each: half to judge by, half for oracle "
           "matching and the "
           "floor",
           "models")
      .add("alpha", o.masks.alpha, "share of the examples that a subset model sees")
      .add("masks", o.masks.scheme, {"balanced", "independent"},
           "how subsets are drawn: balanced leaves every example out equally often")
      .add("logits_dtype", o.logits_dtype, {"float32", "float16"},
           "number format of stored logits");
  return group;
}

void EvaluationOptions::validate() const {
  klom.validate();
  resampling.validate();
  require_option(std::isfinite(multiplier), "multiplier", "a finite number", multiplier);
}

OptionGroup options_of(EvaluationOptions& o) {
  OptionGroup group("evaluation", "How quality is measured");
  group.include(options_of(o.klom))
      .add("resamples", o.resampling.resamples, "resamples for the intervals; 0 for none",
           "resamples")
      .add("resampling_seed", o.resampling.seed, "seed of the resamples")
      .add("multiplier", o.multiplier, "factor on the predicted shift in dm-direct and DMM");
  return group;
}

OptionGroup options_of(ForgetSetConfig& o) {
  OptionGroup group("forget_set", "Examples to forget");
  group.add("name", o.name, "name in tables and of folders: letters, digits, - _ .")
      .add("file", o.file, "text file with one index a line, relative to the configuration file")
      .add("description", o.description, "a few words for the report");
  return group;
}

void RunConfig::validate() const {
  if (!is_plain_name(name)) {
    fail<OptionError>("option name: letters, digits, - _ . required, got \"{}\"", name);
  }
  data.validate();
  recipe.validate();
  ensembles.validate();
  attribution.validate();
  matching.validate();
  evaluation.validate();
  compute.validate();
  if (forget_sets.empty())
    fail<OptionError>("{}: at least one [[forget_set]] required, got none", path.string());
  std::set<std::string> names;
  for (const auto& set : forget_sets) {
    if (!is_plain_name(set.name)) {
      fail<OptionError>(
          "option name of a [[forget_set]]: letters, digits, - _ . required, got \"{}\"", set.name);
    }
    if (set.file.empty()) fail<OptionError>("[[forget_set]] {}: option file required", set.name);
    if (!names.insert(set.name).second)
      fail<OptionError>("two [[forget_set]] tables are named \"{}\"", set.name);
  }
}

std::vector<OptionGroup> option_groups(RunConfig& config) {
  return {options_of(config.data),      options_of(config.recipe),
          options_of(config.ensembles), options_of(config.attribution),
          options_of(config.matching),  options_of(config.evaluation),
          options_of(config.compute)};
}

RunConfig read_run_config(const std::filesystem::path& path) {
  RunConfig config;
  config.path = path;
  const auto where = path.string();
  std::set<std::string> seen;
  for (const auto& table : read_toml(path)) {
    if (table.name == "forget_set") {
      auto group = options_of(config.forget_sets.emplace_back());
      apply(table, group, where);
      continue;
    }
    if (!seen.insert(table.name).second)
      fail<OptionError>("{}:{}: [{}] is there twice", where, table.line, table.name);
    if (table.name.empty()) {
      auto group = top_options(config);
      apply(table, group, where);
      continue;
    }
    std::vector<std::string> known = {"forget_set"};
    bool found = false;
    for (auto& group : option_groups(config)) {
      known.push_back(group.name());
      if (group.name() != table.name) continue;
      apply(table, group, where);
      found = true;
    }
    if (!found) {
      fail<OptionError>("{}:{}: unknown table [{}]; did you mean [{}]?", where, table.line,
                        table.name, nearest_name(table.name, known));
    }
  }
  config.validate();
  return config;
}

namespace {

std::string config_text(RunConfig copy, bool comments, bool with_compute) {
  std::string text = to_toml_table(top_options(copy), comments);
  for (const auto& group : option_groups(copy)) {
    if (with_compute || group.name() != "compute") text += "\n" + to_toml_table(group, comments);
  }
  for (auto& set : copy.forget_sets) {
    auto table = to_toml_table(options_of(set), comments);
    table.replace(table.find("[forget_set]"), 12, "[[forget_set]]");
    text += "\n" + table;
  }
  return text;
}

}  // namespace

std::string to_toml(const RunConfig& config, bool comments) {
  return config_text(config, comments, /*with_compute=*/true);
}

std::string identity_toml(const RunConfig& config) {
  return config_text(config, /*comments=*/false, /*with_compute=*/false);
}

}  // namespace expunge
