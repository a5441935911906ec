#include "expunge/core/index_file.h"

#include <charconv>
#include <string_view>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/printable.h"

namespace expunge {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view space = " \t\r";
  const size_t begin = text.find_first_not_of(space);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(space) - begin + 1);
}

}  // namespace

void read_indices(const std::filesystem::path& path,
                  const std::function<void(int64_t index, const std::string& where)>& on_index) {
  const auto text = read_file(path);
  int64_t line_number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    ++line_number;
    const auto whole = std::string_view(text).substr(begin, end - begin);
    const auto line = trimmed(whole.substr(0, whole.find('#')));
    begin = end + 1;
    if (line.empty()) continue;
    const auto where = fmt::format("{}:{}", path.string(), line_number);
    int64_t index = 0;
    const auto [stop, error] = std::from_chars(line.data(), line.data() + line.size(), index);
    if (error != std::errc{} || stop != line.data() + line.size()) {
      fail<InputError>("{}: one whole number required, got \"{}\"", where, printable(line, 40));
    }
    on_index(index, where);
  }
}

}  // namespace expunge
