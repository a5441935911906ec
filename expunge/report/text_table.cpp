#include "expunge/report/text_table.h"

#include <algorithm>
#include <functional>
#include <string_view>

#include "expunge/core/error.h"
#include "expunge/report/escape.h"
#include "expunge/report/utf8.h"

namespace expunge {
namespace {

using Cells = std::vector<std::string>;

std::string padded(const std::string& cell, size_t width, Align align) {
  const size_t used = display_width(cell);
  const std::string space(width > used ? width - used : 0, ' ');
  return align == Align::left ? cell + space : space + cell;
}

std::string markdown_cell(std::string_view cell) {
  std::string escaped;
  for (const char c : plain_line(cell)) {
    if (std::string_view("|\\`*_<>&[]").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string csv_cell(const std::string& cell) {
  if (cell.find_first_of(",\"\r\n") == std::string::npos) return cell;
  std::string quoted = "\"";
  for (const char c : cell) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

/// The names, then the rows, each cell passed through `write`.
std::vector<Cells> lines_of(const TextTable& table,
                            const std::function<std::string(const std::string&)>& write) {
  std::vector<Cells> lines(1);
  for (const auto& column : table.columns()) lines[0].push_back(write(column.name));
  for (const auto& row : table.rows()) {
    Cells& line = lines.emplace_back();
    for (const auto& cell : row) line.push_back(write(cell));
  }
  return lines;
}

std::vector<size_t> widths_of(const std::vector<Cells>& lines, size_t least) {
  std::vector<size_t> widths(lines[0].size(), least);
  for (const auto& line : lines) {
    for (size_t i = 0; i < line.size(); ++i)
      widths[i] = std::max(widths[i], display_width(line[i]));
  }
  return widths;
}

}  // namespace

TextTable::TextTable(std::vector<TableColumn> columns) : columns_(std::move(columns)) {
  if (columns_.empty()) fail<InputError>("table: expected at least one column, got none");
}

TextTable& TextTable::add_row(std::vector<std::string> cells) {
  if (cells.size() != columns_.size()) {
    fail<InputError>("table row {}: expected {} cells, got {}", rows_.size(), columns_.size(),
                     cells.size());
  }
  rows_.push_back(std::move(cells));
  return *this;
}

std::string TextTable::text() const {
  auto lines = lines_of(*this, [](const std::string& cell) { return plain_line(cell); });
  const auto widths = widths_of(lines, 1);
  Cells rule;
  for (const size_t width : widths) rule.emplace_back(width, '-');
  lines.insert(lines.begin() + 1, rule);
  std::string out;
  for (const auto& line : lines) {
    std::string written;
    for (size_t i = 0; i < line.size(); ++i) {
      if (i > 0) written += "  ";
      written += padded(line[i], widths[i], columns_[i].align);
    }
    written.erase(written.find_last_not_of(' ') + 1);
    out += written + '\n';
  }
  return out;
}

std::string TextTable::markdown() const {
  auto lines = lines_of(*this, [](const std::string& cell) { return markdown_cell(cell); });
  const auto widths = widths_of(lines, 3);
  Cells rule;
  for (size_t i = 0; i < widths.size(); ++i) {
    rule.emplace_back(widths[i], '-');
    if (columns_[i].align == Align::right) rule.back().back() = ':';
  }
  lines.insert(lines.begin() + 1, rule);
  std::string out;
  for (const auto& line : lines) {
    out += '|';
    for (size_t i = 0; i < line.size(); ++i) {
      out += ' ' + padded(line[i], widths[i], columns_[i].align) + " |";
    }
    out += '\n';
  }
  return out;
}

std::string TextTable::csv() const {
  std::string out;
  for (const auto& line : lines_of(*this, csv_cell)) {
    for (size_t i = 0; i < line.size(); ++i) out += (i > 0 ? "," : "") + line[i];
    out += '\n';
  }
  return out;
}

}  // namespace expunge
