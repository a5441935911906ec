#include "command.h"

#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "expunge/core/error.h"
#include "usage.h"

namespace expunge::app {

namespace fs = std::filesystem;

void add_common_flags(CLI::App& command, CommonFlags& flags, bool with_workers) {
  command.add_flag("--json", flags.json, "Print results as JSON on standard output");
  command.add_flag("--quiet", flags.quiet, "Show no progress");
  if (with_workers) {
    command.add_option("--workers", flags.workers, "Threads; 0 for one a processor [0]")
        ->check(check_count);
  }
}

void add_option_flags(CLI::App& command, const OptionGroup& group) {
  for (const auto& field : group.fields()) {
    std::string help = field.help;
    if (!field.unit.empty()) help += fmt::format(", in {}", field.unit);
    help += fmt::format(" ({}) [{}]", field.type, to_toml(field.initial));
    command.add_option_function<std::string>("--" + kebab_case(field.name), field.parse, help)
        ->type_name("")
        ->group(group.title());
  }
}

void add_compute_flags(CLI::App& command, ComputeFlags& flags) {
  ComputeOptions defaults;
  const auto group = options_of(defaults);
  for (const auto& field : group.fields()) {
    command
        .add_option_function<std::string>(
            "--" + kebab_case(field.name),
            [&flags, name = field.name](const std::string& text) { flags.given[name] = text; },
            fmt::format("{} ({}) [the configuration's, else {}]", field.help, field.type,
                        to_toml(field.initial)))
        ->type_name("");
  }
}

void apply(const ComputeFlags& flags, ComputeOptions& compute) {
  const auto group = options_of(compute);
  for (const auto& field : group.fields()) {
    const auto given = flags.given.find(field.name);
    if (given != flags.given.end()) field.parse(given->second);
  }
  compute.validate();
}

void add_dry_run_flag(CLI::App& command, bool& dry_run) {
  command.add_flag(
      "--dry-run", dry_run,
      "Print models, sample gradients, hours, disk and memory that it will take, at the "
      "rate of a few seconds' training, and stop");
}

RunConfig read_config(const ExperimentFlags& flags) {
  auto config = read_run_config(flags.config);
  apply(flags.compute, config.compute);
  return config;
}

void add_experiment_flags(CLI::App& command, ExperimentFlags& flags, bool with_workers) {
  command
      .add_option("config", flags.config,
                  "Configuration file (TOML); expunge run --help lists its keys")
      ->required();
  command.add_option("--out", flags.out, "Folder of the experiment [runs/<name>]");
  add_compute_flags(command, flags.compute);
  add_common_flags(command, flags.common, with_workers);
}

fs::path output_folder(const std::string& given, const RunConfig& config) {
  return given.empty() ? fs::path("runs") / config.name : fs::path(given);
}

void require_experiment(const fs::path& folder) {
  if (fs::exists(folder / "config.toml")) return;
  fail<InputError>("{}: an experiment required, none there; begin it with: expunge train",
                   folder.string());
}

fs::path share_folder() {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  const auto installed = program.parent_path().parent_path() / EXPUNGE_INSTALLED_SHARE;
  for (const auto& folder : {installed, fs::path(EXPUNGE_SOURCE_SHARE)}) {
    if (fs::exists(folder / "configs")) return folder;
  }
  fail<InputError>("the shipped configurations were not found in {} and {}", installed.string(),
                   EXPUNGE_SOURCE_SHARE);
}

void check_output(const std::string& path) {
  const fs::path file = path;
  const auto folder = file.parent_path().empty() ? fs::path(".") : file.parent_path();
  if (!fs::is_directory(folder))
    fail<InputError>("{}: a folder {} to write it in required, not there", path, folder.string());
  if (fs::is_directory(file)) fail<InputError>("{}: a file to write required, got a folder", path);
}

void print_json(const nlohmann::ordered_json& json) {
  // Names of files need not be UTF-8, which JSON must be.
  const auto text = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  std::printf("%s\n", text.c_str());
}

void complain(const std::string& text) {
  std::string line = text;
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  std::fprintf(stderr, "expunge: %s\n", line.c_str());
}

void warn(const std::string& text) {
  complain("warning: " + text);
}

}  // namespace expunge::app
