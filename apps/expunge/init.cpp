// expunge init: a configuration to begin with.

#include <cstdio>
#include <nlohmann/json.hpp>

#include "command.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge::app {
namespace {

struct InitFlags {
  std::string file = "expunge.toml";
  CommonFlags common;
};

void run(const InitFlags& flags) {
  check_output(flags.file);
  RunConfig config;
  config.name = "mine";
  config.forget_sets.push_back(
      {.name = "mine", .file = "forget.txt", .description = "what is forgotten"});
  const auto text = "# An experiment: every key, with its default and what it means. Keys may be left out.\n"
                    "# Run it:  expunge run " +
                    flags.file + "\n\n" + to_toml(config, /*comments=*/true);
  if (!write_new_file(flags.file, text))
    fail<InputError>("{}: a name that is free required, there is such a file", flags.file);
  if (flags.common.json) return print_json({{"file", flags.file}});
  std::printf(
      "%s: every key with its default and what it means.\n"
      "It wants to know where your data are ([data]) and what to forget (forget.txt beside it, one index a "
      "line);\nexpunge forget-set chooses examples. Then: expunge run %s\n",
      flags.file.c_str(), flags.file.c_str());
}

}  // namespace

void register_init(CLI::App& app) {
  auto* command = app.add_subcommand(
      "init", "Write a configuration file with every key, its default and what it means");
  const auto flags = std::make_shared<InitFlags>();
  command->add_option("file", flags->file, "The file, which must not be there yet [expunge.toml]");
  add_common_flags(*command, flags->common, /*with_workers=*/false);
  command->callback([flags] { run(*flags); });
}

}  // namespace expunge::app
