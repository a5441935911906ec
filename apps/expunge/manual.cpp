// expunge manual: the whole command line as one page, from the same source as --help.

#include <cstdio>
#include <map>

#include "command.h"
#include "command_tree.h"

namespace expunge::app {
namespace {

// Options under the titles that --help has, in order.
std::vector<std::pair<std::string, std::vector<const TreeOption*>>> grouped(
    const TreeCommand& command) {
  std::vector<std::pair<std::string, std::vector<const TreeOption*>>> groups;
  for (const auto& option : command.options) {
    auto at = groups.begin();
    while (at != groups.end() && at->first != option.group) ++at;
    if (at == groups.end()) at = groups.insert(at, {option.group, {}});
    at->second.push_back(&option);
  }
  return groups;
}

std::string with_short_name(const TreeOption& option) {
  return option.short_name.empty() ? option.name : option.short_name + ", " + option.name;
}

std::string markdown_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::string_view("|<>*_`[]\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

std::string markdown_row(const std::string& name, const TreeOption& option) {
  const std::string required = option.required ? " (required)" : "";
  return "| `" + name + "` | " + markdown_text(option.help + required) + " |\n";
}

std::string markdown_of(const TreeCommand& command) {
  std::string text = command.commands.empty()
                         ? "### expunge " + command.name + "\n\n"
                         : "## expunge " + command.name + "\n\n";
  text += markdown_text(command.about) + ".\n\n    " + command.usage() + "\n\n";
  std::string rows;
  for (const auto& positional : command.positionals) rows += markdown_row(positional.name, positional);
  for (const auto& [title, options] : grouped(command)) {
    if (title != "Options") rows += "| | **" + markdown_text(title) + "** |\n";
    for (const auto* option : options) {
      if (option->name != "--help") rows += markdown_row(with_short_name(*option), *option);
    }
  }
  return rows.empty() ? text : text + "| | |\n| --- | --- |\n" + rows + "\n";
}

std::string markdown(const TreeCommand& tree) {
  std::string text =
      "<!-- Written by: expunge manual --format markdown. A test compares. -->\n"
      "# Command line\n\n" +
      markdown_text(tree.about) +
      "\n\nAs `expunge COMMAND --help` says it, with units, kinds of values and defaults. A configuration "
      "file's keys: [configuration](configuration.md). Exit codes: 0, 1 on failure, 2 on wrong usage, 130 "
      "on Ctrl-C. Results go to standard output, everything else to standard error.\n\n";
  for (const auto* command : all_commands(tree)) {
    if (!command->name.empty()) text += markdown_of(*command);
  }
  text.pop_back();
  return text;
}

// Text that roff prints as it is.
std::string roff_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      // A ' or . that begins a line would be a request.
      if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
      out += c;
    }
  }
  return out;
}

std::string roff_option(const std::string& name, const TreeOption& option) {
  return ".TP\n\\fB" + roff_text(name) + "\\fR\n" +
         roff_text(option.help + (option.required ? " (required)" : "")) + "\n";
}

std::string roff_of(const TreeCommand& command) {
  std::string text = ".SS " + roff_text(command.usage()) + "\n" + roff_text(command.about) + ".\n";
  for (const auto& positional : command.positionals) text += roff_option(positional.name, positional);
  for (const auto& [title, options] : grouped(command)) {
    if (title != "Options") text += ".PP\n" + roff_text(title) + ":\n";
    for (const auto* option : options) {
      if (option->name != "--help") text += roff_option(with_short_name(*option), *option);
    }
  }
  return text;
}

std::string man_page(const TreeCommand& tree) {
  std::string text =
      ".\\\" Written by: expunge manual --format man\n"
      ".TH EXPUNGE 1 \"\" \"expunge " EXPUNGE_VERSION "\" \"User Commands\"\n"
      ".SH NAME\nexpunge \\- remove training examples from a trained model, and measure how well\n"
      ".SH SYNOPSIS\n.B expunge\n.I COMMAND\n[OPTIONS] ...\n"
      ".SH DESCRIPTION\n" +
      roff_text(tree.about) +
      "\nResults go to standard output, everything else to standard error. A configuration file with all "
      "keys and what they mean is written by\n.BR \"expunge init\" .\n.SH COMMANDS\n";
  for (const auto* command : all_commands(tree)) {
    if (!command->name.empty()) text += roff_of(*command);
  }
  return text +
         ".SH EXIT STATUS\n.TP\n.B 0\nsuccess\n.TP\n.B 1\nfailure\n.TP\n.B 2\nwrong usage\n.TP\n.B 130\n"
         "interrupted; the same command goes on\n"
         ".SH ENVIRONMENT\n.TP\n.B CUDA_VISIBLE_DEVICES\nwhich devices there are for \\-\\-device\n";
}

}  // namespace

void register_manual(CLI::App& app) {
  auto* command =
      app.add_subcommand("manual", "Print every command with its options, as one page");
  const auto format = std::make_shared<std::string>("markdown");
  command
      ->add_option("--format", *format,
                   "markdown, or man for a page that man shows [markdown]")
      ->check(CLI::IsMember({"markdown", "man"}));
  command->callback([&app, format] {
    const auto tree = command_tree(app);
    std::fputs((*format == "man" ? man_page(tree) : markdown(tree)).c_str(), stdout);
  });
}

}  // namespace expunge::app
