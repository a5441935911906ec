// The report's style sheet.
#pragma once

#include <string>

namespace expunge {

/// CSS of the whole page, pictures included; loads nothing. Light and dark by the reader's
/// preference, one column on a phone, a page that prints.
std::string report_style();

}  // namespace expunge
