// expunge._core: the library in Python. What users import is python/expunge/__init__.py.

#include "module.h"

#include "errors.h"
#include "expunge/core/environment.h"

PYBIND11_MODULE(_core, module) {
  using namespace expunge::python;
  // Docstrings bring signatures of their own, with the options' names and defaults.
  py::options options;
  options.disable_function_signatures();
  module.attr("__version__") = EXPUNGE_VERSION;
  register_errors(module);
  register_evaluate(module);
  register_datamodels(module);
  register_ensemble(module);
  register_unlearn(module);
  register_report(module);
  module.def(
      "environment", [] { return py::dict(py::cast(expunge::describe_environment())); },
      "environment()\n--\n\nVersions of expunge and its libraries and the machine: dict of str.");
}
