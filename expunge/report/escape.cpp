#include "expunge/report/escape.h"

#include "expunge/report/utf8.h"

namespace expunge {

std::string plain_line(std::string_view text) {
  constexpr std::string_view replacement = "\xEF\xBF\xBD";
  std::string line;
  line.reserve(text.size());
  for (size_t position = 0; position < text.size();) {
    const size_t start = position;
    const char32_t c = next_code_point(text, position);
    if (c == '\n' || c == '\t' || c == '\r') {
      line += ' ';
    } else if (is_control(c) || c == 0xFFFE || c == 0xFFFF || c == kReplacementCharacter) {
      line += replacement;
    } else {
      line += text.substr(start, position - start);
    }
  }
  return line;
}

std::string escape_markup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : plain_line(text)) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

}  // namespace expunge
