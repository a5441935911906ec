// The parts of the module expunge._core, one a file.
#pragma once

#include <torch/csrc/utils/pybind.h>

namespace expunge::python {

void register_evaluate(py::module_& module);
void register_datamodels(py::module_& module);
void register_ensemble(py::module_& module);
void register_unlearn(py::module_& module);
void register_report(py::module_& module);

}  // namespace expunge::python
