// Tables as text: a header line with names of columns, then a line an example.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace expunge {

struct CsvTable {
  std::vector<std::string> feature_names;  // (d), in the file's order without the target
  torch::Tensor features;                  // (n, d) float64
  std::string target_name;
  std::vector<std::string> target;  // (n) as written, without the blanks around it
  torch::Tensor target_numbers;     // (n) float64; undefined if one of them is no number
};

/// Fields apart by commas, quoted where they hold commas, quotes (doubled) or line ends (RFC 4180; LF
/// or CRLF). `target` names the column that is to be predicted; empty for the last one. All others are
/// numbers. InputError with file and line for a name that is there twice or not at all, lines of another
/// number of fields, what is no number, fewer than one feature or example; NonFiniteError for NaN and
/// infinity in any column.
CsvTable read_csv_table(const std::filesystem::path& path, const std::string& target = "");

/// (n) One column as written, without the blanks around it; the others may hold anything. An empty field is an
/// empty text. InputError as above for what is no such table.
std::vector<std::string> read_csv_column(const std::filesystem::path& path,
                                         const std::string& column);

}  // namespace expunge
