// What the pages have in common: their beginning, warnings, and end.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "expunge/report/text_table.h"

namespace expunge {

/// From the doctype to <main>, with a content security policy that forbids every load and every
/// script. `title` is foreign text, `style` is CSS and never foreign.
std::string page_opening(std::string_view title, std::string_view style);

/// A note with the warnings as a list; nothing without warnings.
std::string warnings_html(const std::vector<std::string>& warnings);

/// The <header>: which command made the page, title, subtitle where there is one, and more HTML below.
std::string page_heading(std::string_view command, std::string_view title,
                         std::string_view subtitle, std::string_view more = "");

/// A section with the command, of one line or several, that makes the page again, below a note where
/// there is one; nothing without a command.
std::string run_again_html(std::string_view command, std::string_view note = "");

/// A small table that scrolls sideways where it must, `name` read aloud; the first column names the rows.
std::string table_html(const TextTable& table, const std::string& name);

std::string page_ending();

}  // namespace expunge
