#include "expunge/core/printable.h"

#include <algorithm>

namespace expunge {
namespace {

// Bytes of the control character at the beginning of the text, of UTF-8's two too (U+0080 to U+009F); 0 if it is none.
size_t control_bytes(std::string_view text) {
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < ' ' || first == 0x7f) return 1;
  if (first != 0xc2 || text.size() < 2) return 0;
  const auto second = static_cast<unsigned char>(text[1]);
  return second >= 0x80 && second < 0xa0 ? 2 : 0;
}

// Bytes of the character of UTF-8 at the beginning of the text; 0 if there is none, or it is a control character.
size_t character_bytes(std::string_view text) {
  if (control_bytes(text) > 0) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const size_t bytes = first >= 0xc2 && first < 0xe0   ? 2
                       : first >= 0xe0 && first < 0xf0 ? 3
                       : first >= 0xf0 && first < 0xf5 ? 4
                                                       : 0;
  if (bytes == 0 || text.size() < bytes) return 0;
  for (size_t i = 1; i < bytes; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  const auto second = static_cast<unsigned char>(text[1]);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool no_character = (first == 0xed && second >= 0xa0) || (first == 0xf4 && second >= 0x90);
  return overlong || no_character ? 0 : bytes;
}

}  // namespace

std::string printable(std::string_view text, size_t longest) {
  std::string shown;
  while (!text.empty()) {
    const size_t bytes = character_bytes(text);
    if (shown.size() + std::max<size_t>(bytes, 1) > longest) return shown + "...";
    shown += bytes == 0 ? "?" : text.substr(0, bytes);
    text.remove_prefix(std::max<size_t>(bytes, 1));
  }
  return shown;
}

std::string one_line(std::string_view text) {
  std::string shown;
  while (!text.empty()) {
    const size_t control = control_bytes(text);
    shown += control > 0 ? std::string(control, '?') : std::string(text.substr(0, 1));
    text.remove_prefix(std::max<size_t>(control, 1));
  }
  return shown;
}

}  // namespace expunge
