// Words of a file in messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace expunge {

/// Text that a file holds, as it may stand in a message of one line: control characters, and bytes that are no
/// UTF-8, become '?'; of more than `longest` bytes the beginning is left, and "...".
std::string printable(std::string_view text, size_t longest = 60);

/// Control characters become '?', all else stays as it is: names of files may be no UTF-8, and are to be known again.
std::string one_line(std::string_view text);

}  // namespace expunge
