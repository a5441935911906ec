#include "command_tree.h"

#include <sstream>

namespace expunge::app {
namespace {

// "a", "b" of "(a | b)" in a help text, as options of a struct say their choices, or of a {a,b} that
// CLI11 makes of them.
std::vector<std::string> choices_in(const std::string& text, char open, char close,
                                    const std::string& separator) {
  for (size_t begin = text.find(open); begin != std::string::npos; begin = text.find(open, begin + 1)) {
    const auto end = text.find(close, begin);
    if (end == std::string::npos) break;
    const auto inner = text.substr(begin + 1, end - begin - 1);
    if (inner.find(separator) == std::string::npos) continue;
    std::vector<std::string> found;
    size_t at = 0;
    for (size_t next = inner.find(separator); next != std::string::npos;
         next = inner.find(separator, at)) {
      found.push_back(inner.substr(at, next - at));
      at = next + separator.size();
    }
    found.push_back(inner.substr(at));
    return found;
  }
  return {};
}

TreeOption tree_option(const CLI::Option& option) {
  TreeOption out;
  out.name = option.get_positional() ? option.get_single_name() : "--" + option.get_lnames().front();
  if (!option.get_snames().empty()) out.short_name = "-" + option.get_snames().front();
  out.help = option.get_description();
  out.group = option.get_group();
  out.required = option.get_required();
  out.takes_value = option.get_items_expected_max() > 0;
  out.choices = choices_in(out.help, '(', ')', " | ");
  if (out.choices.empty()) out.choices = choices_in(option.get_type_name(), '{', '}', ",");
  return out;
}

TreeCommand tree_of(const CLI::App& app, const std::string& name) {
  TreeCommand tree;
  tree.name = name;
  tree.about = app.get_description();
  for (const auto* option : app.get_options())
    (option->get_positional() ? tree.positionals : tree.options).push_back(tree_option(*option));
  const auto all = [](const CLI::App*) { return true; };
  for (const auto* command : app.get_subcommands(all))
    tree.commands.push_back(tree_of(*command, (name.empty() ? "" : name + " ") + command->get_name()));
  return tree;
}

void append_commands(const TreeCommand& tree, std::vector<const TreeCommand*>& all) {
  all.push_back(&tree);
  for (const auto& command : tree.commands) append_commands(command, all);
}

}  // namespace

std::string TreeCommand::usage() const {
  std::string text = "expunge";
  if (!name.empty()) text += " " + name;
  text += " [OPTIONS]";
  for (const auto& positional : positionals)
    text += " " + (positional.required ? positional.name : "[" + positional.name + "]");
  if (!commands.empty()) text += name.empty() ? " COMMAND" : " KIND";
  return text;
}

std::string TreeCommand::word() const {
  return name.substr(name.rfind(' ') + 1);
}

TreeCommand command_tree(const CLI::App& app) {
  return tree_of(app, "");
}

std::vector<const TreeCommand*> all_commands(const TreeCommand& tree) {
  std::vector<const TreeCommand*> all;
  append_commands(tree, all);
  return all;
}

}  // namespace expunge::app
