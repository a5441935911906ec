// Configuration files: TOML tables of options.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/core/options.h"

namespace expunge {

/// A table of a TOML file: its keys, in the file's order, and the line on which it begins.
struct TomlTable {
  std::string name;  // "" for the keys before the first header
  int64_t line = 0;
  struct Entry {
    std::string key;
    OptionValue value;
    int64_t line = 0;
  };
  std::vector<Entry> entries;
};

/// Reads a file of plain tables and arrays of tables, one level deep. An array of tables gives one
/// TomlTable an element. InputError with file and line for what is not TOML, OptionError for nested
/// tables, dates and mixed lists.
std::vector<TomlTable> read_toml(const std::filesystem::path& path);
/// The same for text; `where` names it in messages.
std::vector<TomlTable> parse_toml(const std::string& text, const std::string& where);

/// Sets every entry of the table in `group`; OptionError with file and line.
void apply(const TomlTable& table, OptionGroup& group, const std::string& where);

/// The group as a TOML table: for each field a comment with its help, unit and kind, then its
/// value.
std::string to_toml_table(const OptionGroup& group, bool comments);

}  // namespace expunge
