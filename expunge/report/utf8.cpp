#include "expunge/report/utf8.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace expunge {
namespace {

struct Range {
  char32_t first, last;
};

// The ranges that matter in names of classes and files, not the whole of Unicode's tables.
constexpr std::array kZeroWidth = {
    Range{0x0300, 0x036F}, Range{0x1AB0, 0x1AFF}, Range{0x1DC0, 0x1DFF}, Range{0x200B, 0x200F},
    Range{0x20D0, 0x20FF}, Range{0xFE00, 0xFE0F}, Range{0xFE20, 0xFE2F}, Range{0xFEFF, 0xFEFF}};
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0x33FF},
    Range{0x3400, 0x4DBF},   Range{0x4E00, 0x9FFF},   Range{0xA000, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE4F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD},
};

template <size_t N>
bool in_any(const std::array<Range, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [c](const Range& r) { return r.first <= c && c <= r.last; });
}

}  // namespace

char32_t next_code_point(std::string_view text, size_t& position) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const uint8_t lead = byte(position);
  if (lead < 0x80) {
    ++position;
    return lead;
  }
  size_t length = 0;
  char32_t smallest = 0;
  char32_t code_point = 0;
  if ((lead & 0xE0) == 0xC0) {
    length = 2, smallest = 0x80, code_point = lead & 0x1F;
  } else if ((lead & 0xF0) == 0xE0) {
    length = 3, smallest = 0x800, code_point = lead & 0x0F;
  } else if ((lead & 0xF8) == 0xF0) {
    length = 4, smallest = 0x10000, code_point = lead & 0x07;
  }
  const size_t start = position++;
  if (length == 0 || text.size() - start < length) return kReplacementCharacter;
  for (size_t i = start + 1; i < start + length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return kReplacementCharacter;
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  const bool surrogate = 0xD800 <= code_point && code_point <= 0xDFFF;
  if (code_point < smallest || code_point > 0x10FFFF || surrogate) return kReplacementCharacter;
  position = start + length;
  return code_point;
}

bool is_control(char32_t c) {
  return c < 0x20 || (0x7F <= c && c <= 0x9F);
}

size_t display_width(std::string_view text) {
  size_t width = 0;
  for (size_t position = 0; position < text.size();) {
    const char32_t c = next_code_point(text, position);
    if (is_control(c) || in_any(kZeroWidth, c)) continue;
    width += in_any(kWide, c) ? 2 : 1;
  }
  return width;
}

}  // namespace expunge
