#include "errors.h"

#include <c10/util/Exception.h>

#include <filesystem>

#include "expunge/core/device.h"
#include "expunge/core/error.h"

namespace expunge::python {
namespace {

struct ErrorClasses {
  PyObject *error, *input, *non_finite, *option, *system;
};
// They live as long as the process, as the module does.
ErrorClasses classes{};

PyObject* make_class(py::module_& module, const char* name, const char* doc,
                     const py::tuple& bases) {
  const auto full_name = std::string("expunge.") + name;
  PyObject* made = PyErr_NewExceptionWithDoc(full_name.c_str(), doc, bases.ptr(), nullptr);
  if (made == nullptr) throw py::error_already_set();
  module.add_object(name, made);
  return made;
}

void translate(std::exception_ptr thrown) {
  try {
    if (thrown) std::rethrow_exception(thrown);
  } catch (const Interrupted& e) {
    // Python's handler has seen the same signal: it decides what is raised.
    if (PyErr_CheckSignals() == 0) PyErr_SetString(PyExc_KeyboardInterrupt, e.what());
  } catch (const NonFiniteError& e) {
    PyErr_SetString(classes.non_finite, e.what());
  } catch (const InputError& e) {
    PyErr_SetString(classes.input, e.what());
  } catch (const OptionError& e) {
    PyErr_SetString(classes.option, e.what());
  } catch (const SystemError& e) {
    PyErr_SetString(classes.system, e.what());
  } catch (const OutOfMemory& e) {
    PyErr_SetString(PyExc_MemoryError, e.what());
  } catch (const Error& e) {
    PyErr_SetString(classes.error, e.what());
  } catch (const std::filesystem::filesystem_error& e) {
    PyErr_SetString(classes.system, e.what());
  } catch (const c10::Error& e) {
    // Without LibTorch's stack of C++ frames, which says nothing to who writes Python.
    PyErr_SetString(PyExc_RuntimeError, e.what_without_backtrace());
  }
}

}  // namespace

void register_errors(py::module_& module) {
  const auto builtin = [](PyObject* exception) {
    return py::reinterpret_borrow<py::object>(exception);
  };
  classes.error = make_class(module, "Error", "What expunge raises on purpose.",
                             py::make_tuple(builtin(PyExc_Exception)));
  const auto error = builtin(classes.error);
  classes.input =
      make_class(module, "InputError", "A file, array or model that is not what was required.",
                 py::make_tuple(error, builtin(PyExc_ValueError)));
  classes.non_finite =
      make_class(module, "NonFiniteError", "NaN or infinity where a number was required.",
                 py::make_tuple(builtin(classes.input), builtin(PyExc_ArithmeticError)));
  classes.option =
      make_class(module, "OptionError", "An unknown option or a value out of its range.",
                 py::make_tuple(error, builtin(PyExc_ValueError)));
  classes.system = make_class(module, "SystemError",
                              "A read, write or other call of the operating system that failed.",
                              py::make_tuple(error, builtin(PyExc_OSError)));
  py::register_exception_translator(translate);
}

}  // namespace expunge::python
