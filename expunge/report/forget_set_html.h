// The part of the report that is about one forget set.
#pragma once

#include <string>

#include "expunge/report/report_data.h"
#include "expunge/report/report_words.h"

namespace expunge {

/// A <section>: the result in words, the table, KLoM against cost, the forgotten images, margins.
/// `section` has passed check().
std::string forget_set_html(const ForgetSetSection& section);

/// A sentence as HTML, strong phrases as <strong>.
std::string sentence_html(const Sentence& sentence);

}  // namespace expunge
