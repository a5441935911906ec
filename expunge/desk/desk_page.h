// The page of a desk, as expunge desk serve shows it.
#pragma once

#include <string>

#include "expunge/desk/desk.h"

namespace expunge::desk {

/// can_write: with forms for requests and withdrawals, which ask for the token. notice: foreign text, shown on top;
/// may be empty.
std::string render_desk(const Desk& desk, bool can_write, const std::string& notice = "");

/// A page that says what went wrong, with a way back.
std::string render_problem(const std::string& title, const std::string& what);

}  // namespace expunge::desk
