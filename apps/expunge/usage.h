// A wrong command line, in words.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace expunge::app {

/// One line on what the parser complains of; where a command or an option is unknown, with the nearest
/// known name.
std::string explain_usage(const CLI::App& app, const CLI::Error& error, int argc, char** argv);

/// A check for options that take a whole number of at least 0: empty if `text` is one, else what is
/// wrong with it.
std::string check_count(const std::string& text);

}  // namespace expunge::app
