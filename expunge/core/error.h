// The library's exceptions. The library throws, it never prints and never exits.
//
// A message is one line that says what was required, what arrived, and where (file, option, model).
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <utility>

#include "expunge/core/printable.h"

namespace expunge {

/// Base of everything the library throws on purpose.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file, array or model that is not what was required. The command line exits with 1.
class InputError : public Error {
 public:
  using Error::Error;
};

/// An unknown option or a value out of its range. The command line exits with 2.
class OptionError : public Error {
 public:
  using Error::Error;
};

/// NaN or infinity where a number was required (a diverged model, a broken file).
class NonFiniteError : public InputError {
 public:
  using InputError::InputError;
};

/// A read, write or other call of the operating system that failed.
class SystemError : public Error {
 public:
  using Error::Error;
};

/// The user asked to stop (Ctrl-C); what was finished is kept. The command line exits with 130.
class Interrupted : public Error {
 public:
  using Error::Error;
};

/// Throws E with a formatted message: fail<InputError>("{}: expected {}, got {}", path, a, b). It is one_line():
/// what a file or a user says cannot make a second one of it.
template <class E = Error, class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw E(one_line(fmt::format(format, std::forward<Args>(args)...)));
}

}  // namespace expunge
