// Names and paths from files, made safe to stand in HTML, SVG and XML.
#pragma once

#include <string>
#include <string_view>

namespace expunge {

/// `text` as character data that is safe in the content and in quoted attribute values of HTML,
/// SVG and XML alike: & < > " ' become references; bytes that are no UTF-8, and the code points
/// that XML 1.0 forbids (2.2 Char), become U+FFFD; a line break or tab becomes a space.
///
/// Not for places where text is code: URLs, <style>, <script>, event attributes. The report puts
/// no foreign text there.
std::string escape_markup(std::string_view text);

/// `text` on one line and without control characters (a tab or line break becomes a space, others
/// and bytes that are no UTF-8 become U+FFFD), so that a name cannot steer a terminal.
std::string plain_line(std::string_view text);

}  // namespace expunge
