#include "expunge/data/csv_table.h"

#include <ATen/ops/empty.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/printable.h"

namespace expunge {
namespace {

std::string without_blanks(const std::string& text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Records one after the other.
class CsvReader {
 public:
  CsvReader(std::string_view text, std::string name) : text_(text), name_(std::move(name)) {}

  /// False at the end; empty lines are passed over.
  bool next(std::vector<std::string>& fields) {
    while (at_ < text_.size() && line_end(at_) > 0) skip_line_end();
    if (at_ >= text_.size()) return false;
    record_line_ = line_;
    fields.clear();
    while (true) {
      fields.push_back(field());
      if (at_ < text_.size() && text_[at_] == ',') {
        ++at_;
        continue;
      }
      if (at_ < text_.size()) skip_line_end();
      return true;
    }
  }
  [[nodiscard]] std::string where() const { return fmt::format("{}:{}", name_, record_line_); }

 private:
  [[nodiscard]] size_t line_end(size_t at) const {
    if (text_[at] == '\n') return 1;
    return text_[at] == '\r' && at + 1 < text_.size() && text_[at + 1] == '\n' ? 2 : 0;
  }
  void skip_line_end() {
    at_ += line_end(at_);
    ++line_;
  }
  std::string field() {
    std::string value;
    if (at_ < text_.size() && text_[at_] == '"') {
      ++at_;
      while (true) {
        if (at_ >= text_.size())
          fail<InputError>("{}: a closing quote required, got the end of the file", where());
        const char c = text_[at_++];
        if (c == '"') {
          if (at_ >= text_.size() || text_[at_] != '"') break;
          ++at_;
        }
        if (c == '\n') ++line_;
        value += c;
      }
      if (at_ < text_.size() && text_[at_] != ',' && line_end(at_) == 0)
        fail<InputError>("{}: a comma or line end after a closing quote required", where());
      return value;
    }
    while (at_ < text_.size() && text_[at_] != ',' && line_end(at_) == 0) value += text_[at_++];
    return without_blanks(value);
  }

  std::string_view text_;
  std::string name_;
  size_t at_ = 0;
  int64_t line_ = 1;
  int64_t record_line_ = 1;
};

// False unless the whole text is a number.
bool as_number(const std::string& text, double& value) {
  const char* first = text.data();
  const char* last = first + text.size();
  if (first != last && *first == '+') ++first;
  const auto [end, error] = std::from_chars(first, last, value);
  return error == std::errc() && end == last && first != last;
}

size_t target_column(const std::vector<std::string>& header, const std::string& target,
                     const std::string& where) {
  std::set<std::string> names;
  for (const auto& name : header) {
    if (!names.insert(name).second)
      fail<InputError>("{}: different names of columns required, got {} twice", where,
                       printable(name));
  }
  if (header.size() < 2)
    fail<InputError>("{}: a feature and a target required, got {} columns", where, header.size());
  if (target.empty()) return header.size() - 1;
  const auto found = std::find(header.begin(), header.end(), target);
  if (found == header.end()) fail<InputError>("{}: a column {} required, not there", where, target);
  return static_cast<size_t>(found - header.begin());
}

std::string csv_text(const std::filesystem::path& path) {
  std::string text = read_file(path);
  if (text.starts_with("\xef\xbb\xbf")) text.erase(0, 3);  // what some programs put first
  return text;
}

std::vector<std::string> header_of(CsvReader& reader, const std::filesystem::path& path) {
  std::vector<std::string> header;
  if (!reader.next(header))
    fail<InputError>("{}: a header line required, got nothing", path.string());
  return header;
}

void require_fields(const std::vector<std::string>& fields, const std::vector<std::string>& header,
                    const CsvReader& reader) {
  if (fields.size() == header.size()) return;
  fail<InputError>("{}: {} fields as in the header required, got {}", reader.where(), header.size(),
                   fields.size());
}

}  // namespace

CsvTable read_csv_table(const std::filesystem::path& path, const std::string& target) {
  const auto text = csv_text(path);
  CsvReader reader(text, path.string());
  const auto header = header_of(reader, path);
  std::vector<std::string> fields;
  const size_t at_target = target_column(header, target, reader.where());
  CsvTable table;
  table.target_name = header[at_target];
  for (size_t c = 0; c < header.size(); ++c) {
    if (c != at_target) table.feature_names.push_back(header[c]);
  }
  std::vector<double> values, numbers;
  bool all_numbers = true;
  while (reader.next(fields)) {
    require_fields(fields, header, reader);
    for (size_t c = 0; c < fields.size(); ++c) {
      double value = 0;
      const bool number = as_number(fields[c], value);
      if (c != at_target && !number) {
        fail<InputError>("{}: a number in column {} required, got \"{}\"", reader.where(),
                         printable(header[c]), printable(fields[c], 40));
      }
      if (number && !std::isfinite(value)) {
        fail<NonFiniteError>("{}: a finite number in column {} required, got {}", reader.where(),
                             printable(header[c]), printable(fields[c], 40));
      }
      if (c != at_target) {
        values.push_back(value);
      } else {
        if (fields[c].empty())
          fail<InputError>("{}: a value in column {} required, got none", reader.where(),
                           printable(header[c]));
        table.target.push_back(fields[c]);
        all_numbers = all_numbers && number;
        numbers.push_back(value);
      }
    }
  }
  const auto n = static_cast<int64_t>(numbers.size());
  if (n == 0) fail<InputError>("{}: at least one example required, got none", path.string());
  table.features =
      at::empty({n, static_cast<int64_t>(table.feature_names.size())}, torch::kFloat64);
  std::copy(values.begin(), values.end(), table.features.data_ptr<double>());
  if (all_numbers) {
    table.target_numbers = at::empty({n}, torch::kFloat64);
    std::copy(numbers.begin(), numbers.end(), table.target_numbers.data_ptr<double>());
  }
  return table;
}

std::vector<std::string> read_csv_column(const std::filesystem::path& path,
                                         const std::string& column) {
  const auto text = csv_text(path);
  CsvReader reader(text, path.string());
  const auto header = header_of(reader, path);
  const auto found = std::find(header.begin(), header.end(), column);
  if (found == header.end() || std::find(found + 1, header.end(), column) != header.end())
    fail<InputError>("{}: one column {} required, got {}", reader.where(), column,
                     found == header.end() ? "none" : "two");
  std::vector<std::string> fields, values;
  while (reader.next(fields)) {
    require_fields(fields, header, reader);
    values.push_back(fields[static_cast<size_t>(found - header.begin())]);
  }
  return values;
}

}  // namespace expunge
