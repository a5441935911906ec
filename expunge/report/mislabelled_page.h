// The page of `expunge mislabelled`: the training examples whose labels are most suspect.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_words.h"
#include "expunge/report/shown_example.h"
#include "expunge/report/text_table.h"

namespace expunge {

struct MislabelledPage {
  std::string title;
  std::string subtitle;
  Sentence result;      ///< what was found
  std::string caption;  ///< what order the examples are in, and what their values are
  std::vector<ShownExample> suspects;  ///< most suspect first, at least one
  std::vector<TextTable> known;        ///< how well it finds labels known to be wrong: none, or one
  std::string command;                 ///< that makes the page again
};

/// The whole page as UTF-8, which needs no other file; the same data give the same bytes. InputError
/// without suspects.
std::string render_mislabelled(const MislabelledPage& page);

}  // namespace expunge
