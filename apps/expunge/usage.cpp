#include "usage.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "expunge/core/options.h"

namespace expunge::app {
namespace {

using Names = std::vector<std::string>;

Names command_names(const CLI::App& app) {
  Names names;
  for (const auto* command : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(command->get_name());
  return names;
}

Names option_names(const CLI::App& command) {
  Names names;
  for (const auto* option : command.get_options()) {
    for (const auto& name : option->get_lnames()) names.push_back("--" + name);
    for (const auto& name : option->get_snames()) names.push_back("-" + name);
  }
  return names;
}

bool is_one_of(const std::string& name, const Names& known) {
  return std::find(known.begin(), known.end(), name) != known.end();
}

// "-1" and "-" are values.
bool looks_like_option(const std::string& word) {
  return word.size() > 1 && word[0] == '-' &&
         std::string_view("0123456789.").find(word[1]) == std::string_view::npos;
}

struct Reading {
  const CLI::App* command = nullptr;  // none until a word names one
  std::string name;                   // of the command, and of its kind where it has kinds
  std::string unknown;                // what is wrong with the first unknown name
};

Reading read(const CLI::App& app, int argc, char** argv) {
  Reading reading;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (looks_like_option(word)) {
      const auto known = option_names(reading.command == nullptr ? app : *reading.command);
      const auto name = word.substr(0, word.find('='));
      if (name == "--") break;
      if (!is_one_of(name, known)) {
        reading.unknown =
            fmt::format("unknown option {}; did you mean {}?", name, nearest_name(name, known));
        break;
      }
    } else {
      const auto& at = reading.command == nullptr ? app : *reading.command;
      const auto known = command_names(at);
      if (known.empty()) continue;  // a value
      const auto prefix = reading.name.empty() ? "" : reading.name + " ";
      if (!is_one_of(word, known)) {
        reading.unknown = fmt::format("unknown command \"{}{}\"; did you mean \"{}{}\"?", prefix,
                                      word, prefix, nearest_name(word, known));
        break;
      }
      reading.command = at.get_subcommand(word);
      reading.name = prefix + word;
    }
  }
  return reading;
}

template <class E>
bool is(const CLI::Error& error) {
  return dynamic_cast<const E*>(&error) != nullptr;
}

}  // namespace

std::string explain_usage(const CLI::App& app, const CLI::Error& error, int argc, char** argv) {
  const std::string text = error.what();
  const auto reading = read(app, argc, argv);
  if (!reading.unknown.empty() && (is<CLI::ExtrasError>(error) || is<CLI::RequiredError>(error)))
    return reading.unknown +
           (reading.name == "launch slurm" ? " (options of sbatch stand after --)" : "");
  if (reading.command == nullptr)
    return is<CLI::RequiredError>(error) ? "a command required, got none; expunge --help lists them"
                                         : text;
  const auto& name = reading.name;
  const auto hint = fmt::format("see expunge {} --help", name);
  if (is<CLI::RequiredError>(error)) {
    if (!command_names(*reading.command).empty())
      return fmt::format("{}: a kind required, got none; {}", name, hint);
    return fmt::format("{}: {} required, not given; {}", name, text.substr(0, text.find(' ')),
                       hint);
  }
  if (is<CLI::ArgumentMismatch>(error) && text.find("missing") != std::string::npos)
    return fmt::format("option {}: a value required, got none; {}", text.substr(0, text.find(':')),
                       hint);
  return fmt::format("{}: {}; {}", name, text, hint);
}

std::string check_count(const std::string& text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size() && value >= 0) return "";
  return fmt::format("a whole number of at least 0 required, got \"{}\"", text);
}

}  // namespace expunge::app
