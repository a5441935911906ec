// Code points of a UTF-8 text, and how many terminal cells they take.
#pragma once

#include <cstddef>
#include <string_view>

namespace expunge {

/// What stands for bytes that are no UTF-8.
inline constexpr char32_t kReplacementCharacter = 0xFFFD;

/// The code point that starts at byte `position` (which must be below text.size()); `position`
/// moves behind it. A byte that starts no well-formed sequence (overlong, surrogate, cut off, above
/// U+10FFFF) gives kReplacementCharacter and moves one byte on, so that any bytes can be walked.
char32_t next_code_point(std::string_view text, size_t& position);

/// True for C0 and C1 control characters and DEL: nothing that belongs in a label, and in a
/// terminal the start of an escape sequence.
bool is_control(char32_t code_point);

/// Columns that `text` takes in a terminal: 2 for East Asian wide characters and most emoji, 0 for
/// combining marks, joiners and control characters, 1 otherwise.
size_t display_width(std::string_view text);

}  // namespace expunge
