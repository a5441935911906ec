// expunge certified: logistic regression from which examples can be removed with a guarantee, until it is spent.

#include "expunge/convex/certified.h"

#include <ATen/ops/cat.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/system_calls.h"
#include "expunge/data/forget_set.h"
#include "table_source.h"
#include "usage.h"

namespace expunge::app {
namespace {

namespace fs = std::filesystem;

struct CertifiedFlags {
  TableFlags table;
  std::string model, forget, publish;
  uint64_t seed = 0;
  CertifiedOptions options;
  CommonFlags common;
};

// Held while an account is read, changed and written, so that two removals at once are one after the other. It
// is the folder that is locked: the file itself is replaced.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& file) {
    const auto folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
    folder_ = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder_ < 0 || flock(folder_, LOCK_EX) != 0) {
      const int error = errno;
      if (folder_ >= 0) close(folder_);
      fail_system(folder, "cannot be locked", error);
    }
  }
  ~FolderLock() { close(folder_); }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int folder_;
};

nlohmann::ordered_json status_json(const CertifiedModel& model) {
  return {{"examples", model.removed().size(0)},
          {"removed", model.removed().sum().item<int64_t>()},
          {"removals", model.removals()},
          {"epsilon", model.options().epsilon},
          {"delta", model.options().delta},
          {"spent", model.spent()},
          {"budget", model.budget()}};
}

std::string status_text(const CertifiedModel& model) {
  return fmt::format(
      "{} of {} examples removed in {} removals; spent {:.4g} of {:.4g} (epsilon {}, delta {})\n",
      model.removed().sum().item<int64_t>(), model.removed().size(0), model.removals(),
      model.spent(), model.budget(), model.options().epsilon, model.options().delta);
}

// Weights (d, K) and the intercepts below them: (d + 1, K).
void publish(const CertifiedModel& model, const std::string& path) {
  const auto published = model.published();
  write_npy(path, at::cat({published.weights, published.intercept.unsqueeze(0)}).contiguous());
}

void check_outputs(const CertifiedFlags& flags) {
  check_output(flags.model);
  if (!flags.publish.empty()) check_output(flags.publish);
}

void train_certified(const CertifiedFlags& flags) {
  flags.options.validate();
  check_outputs(flags);
  if (fs::exists(flags.model))
    fail<InputError>("{}: a new file required: a model's account is not overwritten", flags.model);
  const auto table = read_table(flags.table);
  const FolderLock lock(flags.model);
  if (fs::exists(flags.model))
    fail<InputError>("{}: a new file required: a model's account is not overwritten", flags.model);
  const auto model = CertifiedModel::train(table, flags.options, flags.seed, flags.common.workers);
  model.save(flags.model);
  if (!flags.publish.empty()) publish(model, flags.publish);
  if (flags.common.json) return print_json(status_json(model));
  std::printf("%s-> %s\n", status_text(model).c_str(), flags.model.c_str());
}

void remove_certified(const CertifiedFlags& flags) {
  check_outputs(flags);
  const FolderLock lock(flags.model);
  auto model = CertifiedModel::load(flags.model);
  const auto table = read_table(flags.table);
  const auto forget = read_forget_set(flags.forget, table.size());
  const auto step = model.remove(table, forget, flags.common.workers);
  model.save(flags.model);
  if (!flags.publish.empty()) publish(model, flags.publish);
  if (flags.common.json) {
    auto json = status_json(model);
    json["worst_case"] = step.worst_case;
    json["data_dependent"] = step.data_dependent;
    json["corollary_1"] = step.corollary_1;
    json["measured"] = step.measured;
    json["steps"] = step.steps;
    return print_json(json);
  }
  std::printf(
      "%sthis removal: at most %.4g in the worst case, %.4g on these data; measured %.4g\n-> %s\n",
      status_text(model).c_str(), step.worst_case, step.data_dependent, step.measured,
      flags.model.c_str());
}

void show_certified(const CertifiedFlags& flags) {
  const auto model = CertifiedModel::load(flags.model);
  if (!flags.publish.empty()) {
    check_output(flags.publish);
    publish(model, flags.publish);
  }
  if (flags.common.json) return print_json(status_json(model));
  std::printf("%s", status_text(model).c_str());
}

}  // namespace

void register_certified(CLI::App& app) {
  auto* command = app.add_subcommand(
      "certified", "Logistic regression with certified removal: a guarantee, and an account of it");
  command->require_subcommand(1);
  const auto add = [&](const char* name, const char* help, auto action, bool with_table) {
    const auto flags = std::make_shared<CertifiedFlags>();
    auto* kind = command->add_subcommand(name, help);
    if (with_table) add_table_flags(*kind, flags->table);
    kind->add_option("--model", flags->model,
                     "The model's file (.safetensors), which holds the account")
        ->required();
    kind->add_option(
        "--publish", flags->publish,
        "Where the coefficients go that may be shown: (d + 1, K) float64 .npy, intercepts last");
    add_common_flags(*kind, flags->common, with_table);
    kind->callback([flags, action] { action(*flags); });
    return std::pair(kind, flags);
  };
  const auto [training, training_flags] =
      add("train", "Train a model that examples can be removed from", train_certified, true);
  training
      ->add_option(
          "--seed", training_flags->seed,
          "Secret whole number that the noise is made of: who knows it can take the noise away")
      ->required();
  add_option_flags(*training, options_of(training_flags->options));
  const auto [removing, removing_flags] =
      add("remove", "Remove examples from it, or refuse when the account is spent",
          remove_certified, true);
  removing
      ->add_option("--forget", removing_flags->forget, "Forget set, text file, one index a line")
      ->required();
  add("status", "Show how much of the guarantee is spent", show_certified, false);
}

}  // namespace expunge::app
