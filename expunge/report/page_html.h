// What the pages have in common: their beginning, warnings, and end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace expunge {

/// From the doctype to <main>, with a content security policy that forbids every load and every
/// script. `title` is foreign text, `style` is CSS and never foreign.
std::string page_opening(std::string_view title, std::string_view style);

/// A note with the warnings as a list; nothing without warnings.
std::string warnings_html(const std::vector<std::string>& warnings);

std::string page_ending();

}  // namespace expunge
