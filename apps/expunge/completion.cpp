// expunge completion: what shells need to complete the command line.

#include <cstdio>

#include "command.h"
#include "command_tree.h"
#include "expunge/core/shell_quoted.h"

namespace expunge::app {
namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// What may stand at a command: its commands, else its options.
std::string words_after(const TreeCommand& command) {
  std::vector<std::string> words;
  for (const auto& below : command.commands) words.push_back(below.word());
  for (const auto& option : command.options) words.push_back(option.name);
  return joined(words);
}

std::string bash(const TreeCommand& tree) {
  std::string names;
  std::string words;
  std::string choices;
  for (const auto* command : all_commands(tree)) {
    if (!command->name.empty()) names += (names.empty() ? "" : "|") + shell_quoted(command->name);
    words += "    " + shell_quoted(command->name) + ") words=" + shell_quoted(words_after(*command)) + " ;;\n";
    for (const auto& option : command->options) {
      if (!option.takes_value) continue;
      choices += "    " + shell_quoted(command->name + " " + option.name) + ") ";
      choices += option.choices.empty() ? "files=1" : "words=" + shell_quoted(joined(option.choices));
      choices += " ;;\n";
    }
  }
  return R"(# bash completion for expunge. Written by: expunge completion bash
_expunge() {
  local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
  local command= word words= files= i
  for ((i = 1; i < COMP_CWORD; ++i)); do
    word=${command:+$command }${COMP_WORDS[i]}
    case $word in
    )" + names + R"() command=$word ;;
    esac
  done
  case "$command $before" in
)" + choices +
         R"(    *)
    case $current in
    -*) files= ;;
    *) files=1 ;;
    esac
    case $command in
)" + words + R"(    esac
    ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [[ $files && ${#COMPREPLY[@]} -eq 0 ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
    compopt -o filenames 2>/dev/null
  fi
}
complete -F _expunge expunge
)";
}

// In single quotes, and harmless to zsh's _arguments and _describe, where : and [ ] divide.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']' || c == '\\') out += '\\';
    out += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return out;
}

std::string zsh_function(const TreeCommand& command) {
  std::string name = "_expunge";
  for (const char c : command.name) name += c == ' ' ? '_' : c;
  return command.name.empty() ? name : "_expunge_" + name.substr(8);
}

std::string zsh_of(const TreeCommand& command) {
  std::string text = zsh_function(command) + "() {\n";
  if (!command.commands.empty()) text += "  local state line\n";
  text += "  _arguments -s";
  if (!command.commands.empty()) text += " -C";
  for (const auto& option : command.options) {
    text += " \\\n    '" + option.name + "[" + zsh_text(option.help) + "]";
    if (option.takes_value)
      text += option.choices.empty() ? ": :_files" : ": :(" + joined(option.choices) + ")";
    text += "'";
  }
  if (command.commands.empty()) {
    text += " \\\n    '*: :_files'\n}\n";
    return text;
  }
  text += " \\\n    '1: :->command' '*:: :->rest'\n  case $state in\n  command)\n    local -a commands=(\n";
  for (const auto& below : command.commands)
    text += "      '" + below.word() + ":" + zsh_text(below.about) + "'\n";
  text += "    )\n    _describe command commands ;;\n  rest)\n    case $line[1] in\n";
  for (const auto& below : command.commands)
    text += "    " + below.word() + ") " + zsh_function(below) + " ;;\n";
  return text + "    esac ;;\n  esac\n}\n";
}

std::string zsh(const TreeCommand& tree) {
  std::string text = "#compdef expunge\n# Written by: expunge completion zsh\n";
  for (const auto* command : all_commands(tree)) text += zsh_of(*command);
  return text + "if [[ $funcstack[1] == _expunge ]]; then\n  _expunge \"$@\"\nelse\n  compdef _expunge expunge\nfi\n";
}

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
  return out + "'";
}

std::string fish_condition(const TreeCommand& command) {
  std::string text;
  if (command.name.empty()) return "__fish_use_subcommand";
  for (size_t at = 0; at != std::string::npos;) {
    const auto end = command.name.find(' ', at);
    const auto word = command.name.substr(at, end == std::string::npos ? end : end - at);
    text += (text.empty() ? "" : "; and ") + ("__fish_seen_subcommand_from " + word);
    at = end == std::string::npos ? end : end + 1;
  }
  if (command.commands.empty()) return text;
  text += "; and not __fish_seen_subcommand_from";
  for (const auto& below : command.commands) text += " " + below.word();
  return text;
}

std::string fish(const TreeCommand& tree) {
  std::string text = "# fish completion for expunge. Written by: expunge completion fish\n";
  for (const auto* command : all_commands(tree)) {
    const auto begin = "complete -c expunge -n " + fish_quoted(fish_condition(*command));
    for (const auto& below : command->commands)
      text += begin + " -f -a " + below.word() + " -d " + fish_quoted(below.about) + "\n";
    for (const auto& option : command->options) {
      text += begin + " -l " + option.name.substr(2);
      if (option.takes_value) text += " -r";
      if (!option.choices.empty()) text += " -f -a " + fish_quoted(joined(option.choices));
      text += " -d " + fish_quoted(option.help) + "\n";
    }
  }
  return text;
}

}  // namespace

void register_completion(CLI::App& app) {
  auto* command = app.add_subcommand(
      "completion",
      "Print the completion of a shell, for its folder of completions: bash, zsh or fish");
  const auto shell = std::make_shared<std::string>();
  command->add_option("shell", *shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([&app, shell] {
    const auto tree = command_tree(app);
    std::fputs((*shell == "bash" ? bash(tree) : *shell == "zsh" ? zsh(tree) : fish(tree)).c_str(),
               stdout);
  });
}

}  // namespace expunge::app
