// The words of a refusal, for tests that read them.
#pragma once
#include <string>

namespace expunge {

/// what() of the exception of type E that `action` throws, or "nothing thrown". Others pass through.
template <class E, class Action>
std::string message_of(const Action& action) {
  try {
    action();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace expunge
