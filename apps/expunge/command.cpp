#include "command.h"

#include <cstdio>
#include <cstdlib>

#include "expunge/core/error.h"

namespace expunge::app {

namespace fs = std::filesystem;

void add_common_flags(CLI::App& command, CommonFlags& flags, bool with_workers) {
  command.add_flag("--json", flags.json, "Print results as JSON on standard output");
  command.add_flag("--quiet", flags.quiet, "Show no progress");
  if (with_workers) {
    command.add_option("--workers", flags.workers, "Threads; 0 for one a processor [0]")
        ->check(CLI::NonNegativeNumber);
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

void add_experiment_flags(CLI::App& command, ExperimentFlags& flags) {
  command.add_option("config", flags.config, "Configuration file (TOML)")->required();
  command.add_option("--out", flags.out, "Folder of the experiment [runs/<name>]");
  add_common_flags(command, flags.common);
}

fs::path output_folder(const ExperimentFlags& flags, const RunConfig& config) {
  return flags.out.empty() ? fs::path("runs") / config.name : fs::path(flags.out);
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

void warn(const std::string& text) {
  std::fprintf(stderr, "expunge: warning: %s\n", text.c_str());
}

}  // namespace expunge::app
