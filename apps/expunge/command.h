// What the subcommands share: one function a file registers its command with CLI11.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "expunge/core/options.h"
#include "expunge/core/progress.h"
#include "expunge/pipeline/run_config.h"

namespace expunge::app {

/// Flags that every command has.
struct CommonFlags {
  bool json = false;    // results as JSON on standard output
  bool quiet = false;   // no progress
  int64_t workers = 0;  // threads; 0: one a processor
};
void add_common_flags(CLI::App& command, CommonFlags& flags, bool with_workers = true);

/// Flags --device and --precision, as far as they are given.
struct ComputeFlags {
  std::map<std::string, std::string> given;  // option's name, text
};
void add_compute_flags(CLI::App& command, ComputeFlags& flags);
/// What is given, over what the configuration says. OptionError for a value that is none.
void apply(const ComputeFlags& flags, ComputeOptions& compute);

/// A flag --kebab-case for every field of the group, with help, unit and default from its one
/// definition. The group's struct must outlive the parsing.
void add_option_flags(CLI::App& command, const OptionGroup& group);

/// Flags of the commands that work in an experiment's folder.
struct ExperimentFlags {
  std::string config;
  std::string out;
  bool dry_run = false;  // of the commands that train
  ComputeFlags compute;
  CommonFlags common;
};
void add_experiment_flags(CLI::App& command, ExperimentFlags& flags, bool with_workers = true);
/// --dry-run, of the commands that train.
void add_dry_run_flag(CLI::App& command, bool& dry_run);
/// The configuration that the flags name, with what they say of devices.
RunConfig read_config(const ExperimentFlags& flags);
/// The folder that is given, or runs/<name of the experiment> in the current one.
std::filesystem::path output_folder(const std::string& given, const RunConfig& config);
/// InputError unless an experiment was begun in the folder: a mistake in its name must not begin one.
void require_experiment(const std::filesystem::path& folder);

/// A bar with rate and time left on a terminal, a line now and then elsewhere; on standard error.
std::unique_ptr<ProgressSink> make_progress(const CommonFlags& flags);

/// The folder with configs/: beside an installed program, or the source tree that it was built from.
std::filesystem::path share_folder();

/// InputError if a file could not be put at `path` because its folder is not there or it is a folder
/// itself: asked before the work, which a mistake in the name should not cost.
void check_output(const std::string& path);

/// Results on standard output.
void print_json(const nlohmann::ordered_json& json);

/// One line on standard error that begins with the program's name. Bytes that a terminal would obey
/// (they may come from any file) become '?'.
void complain(const std::string& text);
/// The same, of something that stops nothing. After the results are written: a failure is one line.
void warn(const std::string& text);

/// A command registers itself and its callback; what the callback throws becomes the exit code.
void register_quickstart(CLI::App& app);
void register_run(CLI::App& app);
void register_train(CLI::App& app);
void register_attribute(CLI::App& app);
void register_unlearn(CLI::App& app);
void register_evaluate(CLI::App& app);
void register_fill(CLI::App& app);
void register_launch(CLI::App& app);
void register_status(CLI::App& app);
void register_verify(CLI::App& app);
void register_init(CLI::App& app);
void register_manual(CLI::App& app);
void register_completion(CLI::App& app);
void register_import(CLI::App& app);
void register_export(CLI::App& app);
void register_report(CLI::App& app);
void register_doctor(CLI::App& app);
void register_klom(CLI::App& app);
void register_ulira(CLI::App& app);
void register_lds(CLI::App& app);
void register_scores(CLI::App& app);
void register_margins(CLI::App& app);
void register_removal_shift(CLI::App& app);
void register_forecast(CLI::App& app);
void register_sweep(CLI::App& app);
void register_reproduce(CLI::App& app);
void register_forget_set(CLI::App& app);
void register_explain(CLI::App& app);
void register_mislabelled(CLI::App& app);
void register_convex(CLI::App& app);
void register_certified(CLI::App& app);
void register_desk(CLI::App& app);

}  // namespace expunge::app
