// The library's exceptions as Python's.
#pragma once

#include <torch/csrc/utils/pybind.h>

namespace expunge::python {

/// Puts the exception classes into the module and translates what the library throws:
///   Error          -> expunge.Error (Exception)
///   InputError     -> expunge.InputError (Error, ValueError)
///   NonFiniteError -> expunge.NonFiniteError (InputError, ArithmeticError)
///   OptionError    -> expunge.OptionError (Error, ValueError)
///   SystemError    -> expunge.SystemError (Error, OSError), and so are failures of std::filesystem
///   OutOfMemory    -> MemoryError
///   Interrupted    -> KeyboardInterrupt, or what Python's own handler of Ctrl-C raises
void register_errors(py::module_& module);

}  // namespace expunge::python
