// A torch.nn.Module as a network of the library.
#pragma once

#include <torch/csrc/utils/pybind.h>

#include "expunge/train/autograd_network.h"

namespace expunge::python {

/// The module's parameters that require gradients, by the names that they have in it, and its own forward
/// pass, which is called with the interpreter's lock held. Frozen parameters stay as they are. While it
/// lives, the module's parameters are views into one vector; afterwards they have memory of their own again,
/// with the values that they have then.
class ModuleNetwork final : public AutogradNetwork {
 public:
  /// With the interpreter's lock held. InputError unless it is a torch.nn.Module with trained parameters of
  /// one dtype and device.
  explicit ModuleNetwork(py::object module);
  ~ModuleNetwork() override;
  ModuleNetwork(const ModuleNetwork&) = delete;
  ModuleNetwork& operator=(const ModuleNetwork&) = delete;

  /// The module's state_dict.
  [[nodiscard]] NamedTensors state() const override;
  /// By copy.deepcopy.
  [[nodiscard]] std::unique_ptr<Network> clone() const override;

 private:
  torch::Tensor call(const torch::Tensor& x, Mode mode) override;

  py::object module_;
};

}  // namespace expunge::python
