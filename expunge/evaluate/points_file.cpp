#include "expunge/evaluate/points_file.h"

#include <charconv>
#include <string_view>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

/// What is left of a line without its comment and the spaces at its ends.
std::string_view content_of(std::string_view line) {
  constexpr std::string_view space = " \t\r";
  line = line.substr(0, line.find('#'));
  const size_t begin = line.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return line.substr(begin, line.find_last_not_of(space) - begin + 1);
}

}  // namespace

std::vector<int64_t> read_points(const std::filesystem::path& path, int64_t m) {
  const auto text = read_file(path);
  std::vector<int64_t> points;
  std::vector<bool> is_there(static_cast<size_t>(m), false);
  int64_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    const auto line = content_of(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    ++line_number;
    if (line.empty()) continue;
    int64_t index = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), index);
    if (error != std::errc{} || stop != line.data() + line.size()) {
      fail<InputError>("{}:{}: one whole number required, got \"{}\"", path.string(), line_number,
                       line.substr(0, 40));
    }
    if (index < 0 || index >= m) {
      fail<InputError>("{}:{}: an index from 0 to {} required (there are {} points), got {}",
                       path.string(), line_number, m - 1, m, index);
    }
    if (is_there[static_cast<size_t>(index)]) {
      fail<InputError>("{}:{}: index {} is there twice", path.string(), line_number, index);
    }
    is_there[static_cast<size_t>(index)] = true;
    points.push_back(index);
  }
  if (points.empty()) {
    fail<InputError>("{}: at least one point required, got none", path.string());
  }
  return points;
}

}  // namespace expunge
