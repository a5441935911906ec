// Where a command takes a table from: a CSV file, arrays, or a folder of IDX images.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "expunge/convex/table.h"

namespace expunge::app {

struct TableFlags {
  std::string table, targets, weights;
  std::string column;
  std::string task = "auto";
  int64_t rows = 0;
};
/// The positional `table`, and --targets, --column, --task, --weights and --rows.
void add_table_flags(CLI::App& command, TableFlags& flags);
/// Those that are given, as a shell reads them, with the table first.
std::string given_table_flags(const TableFlags& flags);

/// InputError for files that are not sound or do not fit each other, OptionError for flags that do not.
Table read_table(const TableFlags& flags);

}  // namespace expunge::app
