// How a desk stands, for the command line and the page.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "expunge/desk/desk.h"
#include "expunge/report/svg_canvas.h"
#include "expunge/report/text_table.h"

namespace expunge::desk {

/// A request a row, newest first.
TextTable request_table(const Desk& desk);
/// A version a row, newest first.
TextTable version_table(const Desk& desk);
/// "28% of the budget of 2 nats (hard limit 4): ..." with the recommendation.
std::string budget_words(const Desk& desk);
/// What is not finished, a sentence each: a request that is processing, an erasure that is outstanding.
std::vector<std::string> unfinished(const Desk& desk);
/// Predicted error by version, with the budget and the hard limit. Version 0 is at 0.
SvgCanvas budget_picture(const Desk& desk);

std::string status_text(const Desk& desk);
nlohmann::ordered_json status_json(const Desk& desk);
nlohmann::ordered_json request_json(const Request& request);

}  // namespace expunge::desk
