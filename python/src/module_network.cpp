#include "module_network.h"

#include <torch/csrc/autograd/python_variable.h>

#include "expunge/core/error.h"

namespace expunge::python {
namespace {

std::string class_name(const py::handle& object) {
  return py::cast<std::string>(py::type::of(object).attr("__name__"));
}

NamedTensors trained_of(const py::object& module) {
  if (!py::isinstance(module, py::module_::import("torch").attr("nn").attr("Module")))
    fail<InputError>("module: a torch.nn.Module required, got {}", class_name(module));
  NamedTensors trained;
  for (const auto& pair : module.attr("named_parameters")()) {
    auto [name, tensor] = pair.cast<std::pair<std::string, torch::Tensor>>();
    if (tensor.requires_grad()) trained.emplace_back(std::move(name), std::move(tensor));
  }
  return trained;
}

}  // namespace

ModuleNetwork::ModuleNetwork(py::object module)
    : AutogradNetwork(trained_of(module)), module_(std::move(module)) {}

ModuleNetwork::~ModuleNetwork() {
  detach_parameters();
  const py::gil_scoped_acquire gil;
  module_ = py::object();
}

torch::Tensor ModuleNetwork::call(const torch::Tensor& x, Mode mode) {
  const py::gil_scoped_acquire gil;
  module_.attr("train")(mode == Mode::train);
  const auto output = module_(x);
  if (!THPVariable_Check(output.ptr())) {
    fail<InputError>("module: logits as a tensor (batch, classes) required, {} returned {}",
                     class_name(module_), class_name(output));
  }
  return THPVariable_Unpack(output.ptr());
}

NamedTensors ModuleNetwork::state() const {
  const py::gil_scoped_acquire gil;
  NamedTensors state;
  for (const auto& [name, value] : py::dict(module_.attr("state_dict")())) {
    // Modules may keep other things than tensors there.
    if (THPVariable_Check(value.ptr()))
      state.emplace_back(name.cast<std::string>(), THPVariable_Unpack(value.ptr()).detach());
  }
  return state;
}

std::unique_ptr<Network> ModuleNetwork::clone() const {
  const py::gil_scoped_acquire gil;
  return std::make_unique<ModuleNetwork>(py::module_::import("copy").attr("deepcopy")(module_));
}

}  // namespace expunge::python
