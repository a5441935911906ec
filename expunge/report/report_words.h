// The report's sentences, made from its numbers.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_data.h"

namespace expunge {

/// A piece of a sentence; strong ones are set in bold.
struct Phrase {
  std::string text;
  bool strong = false;
};
using Sentence = std::vector<Phrase>;

/// The sentence without its weights, for a terminal.
std::string plain(const Sentence& sentence);

/// The result over all forget sets: how many times the floor the first unlearner of each is at
/// worst (any forget set, any group), at what cost, and how far off doing nothing is. Empty if no
/// forget set has an unlearner and a positive floor.
Sentence headline(const ReportData& data);

/// The result on one forget set; without an unlearner, what the floor is.
Sentence forget_set_result(const ForgetSetSection& section);

/// What the ensemble costs once, and from which request on it pays, by the dearest first unlearner
/// of any forget set. Empty without up-front cost.
Sentence up_front_words(const ReportData& data);

/// "0.54"; a value that would round to "-0.00" is "0.00".
std::string klom_text(double klom);
/// A share as percent in two significant digits: "4.2%", "0.015%", "100%", "0%".
std::string share_text(double share);
/// A count with thousands separators: "40,000".
std::string count_text(int64_t count);
/// A setting in up to four digits, thousands separated if whole: "2,048", "0.5", "19.2".
std::string value_text(double value);
/// All digits that tell the value from its neighbours; empty for NaN, which is not measured.
std::string digits_text(double value);
/// "1 example", "20 examples".
std::string counted(int64_t count, const std::string& noun);

}  // namespace expunge
