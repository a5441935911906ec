// The commands and options as they are registered, for whatever is made from them: the manual, the
// completions of shells.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace expunge::app {

struct TreeOption {
  std::string name;        // "--bins", or a positional's "config"
  std::string short_name;  // "-h", mostly empty
  std::string help;        // with unit, kind and default
  std::string group;       // under which --help lists it
  bool required = false;
  bool takes_value = false;
  std::vector<std::string> choices;  // where it must be one of these
};

struct TreeCommand {
  std::string name;   // "forget-set random"; empty for the program
  std::string about;
  std::vector<TreeOption> positionals;
  std::vector<TreeOption> options;
  std::vector<TreeCommand> commands;  // its own: of the program, or kinds of a command
  /// As --help writes it: "expunge klom [OPTIONS] unlearned oracles".
  [[nodiscard]] std::string usage() const;
  /// Its last word: "random".
  [[nodiscard]] std::string word() const;
};

TreeCommand command_tree(const CLI::App& app);

/// The command and all below it, in order; the program itself first.
std::vector<const TreeCommand*> all_commands(const TreeCommand& tree);

}  // namespace expunge::app
