// The page of `expunge convex`.
#pragma once

#include <string>
#include <vector>

#include "expunge/convex/comparison.h"
#include "expunge/report/report_words.h"

namespace expunge {

struct ConvexPage {
  std::string title;
  std::string subtitle;
  std::vector<std::string> warnings;
  std::string command;  ///< that makes the page again
};

/// What came of it, in one sentence: for the page and the terminal.
Sentence convex_result(const ConvexComparison& comparison);

/// The section with tables and pictures, for a page that has the report's style.
std::string convex_section(const ConvexComparison& comparison);

/// The whole page as UTF-8, which needs no other file; the same data give the same bytes.
std::string render_convex(const ConvexPage& page, const ConvexComparison& comparison);

}  // namespace expunge
