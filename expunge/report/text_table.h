// One table, three ways to write it: aligned text for a terminal, GitHub markdown, CSV.
//
// The command line and the documents print the same TextTable, so that they cannot disagree.
#pragma once

#include <string>
#include <vector>

namespace expunge {

enum class Align { left, right };

struct TableColumn {
  std::string name;
  Align align = Align::right;
};

class TextTable {
 public:
  /// Throws InputError if there is no column.
  explicit TextTable(std::vector<TableColumn> columns);

  /// Throws InputError unless there is one cell a column. Cells are UTF-8 without markup.
  TextTable& add_row(std::vector<std::string> cells);

  const std::vector<TableColumn>& columns() const { return columns_; }
  const std::vector<std::vector<std::string>>& rows() const { return rows_; }

  /// Columns padded to their widest cell, two spaces apart, a rule below the names; no spaces at
  /// line ends. Control characters of cells are made harmless (plain_line).
  std::string text() const;
  /// A GitHub markdown table whose source is aligned too; what markdown or HTML would interpret in
  /// a cell (| \ ` * _ < > & [ ]) is escaped.
  std::string markdown() const;
  /// RFC 4180 with LF line ends: a header line, then the rows; quoted where needed.
  std::string csv() const;

 private:
  std::vector<TableColumn> columns_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace expunge
