// What Python hands over, as the library takes it: tensors and indices without copies, options by name.
#pragma once

#include <torch/csrc/utils/pybind.h>
#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "expunge/core/options.h"

namespace expunge::python {

/// The tensor that an object is: a torch.Tensor, or an array that shares its memory by the buffer protocol,
/// as NumPy's do, mapped files included. Nothing is copied unless it is not contiguous; the tensor keeps
/// the object alive. InputError, beginning with `name`, for other objects, other devices than the CPU,
/// sparse tensors, and arrays whose dtype or strides no tensor has.
torch::Tensor tensor_of(const py::handle& object, const std::string& name);

/// Whole numbers: a list or any other iterable of them, or an int64 tensor or array of one dimension.
std::vector<int64_t> indices_of(const py::handle& object, const std::string& name);

/// Sets fields of the group by name. A name that Python keeps for itself has an underscore behind it
/// (lambda_); None leaves a field that is found by rule by itself. OptionError for an unknown name, a wrong
/// type and a whole number that does not fit into 64 bits.
void set_keywords(OptionGroup& group, const py::kwargs& keywords);

/// The options of a struct and, where it has one, its number of workers.
template <class Options>
OptionGroup keywords_of(Options& options) {
  auto group = options_of(options);
  if constexpr (requires { options.workers; }) {
    group.add("workers", options.workers,
              "threads, 0 for one a processor; the result does not depend on it", "threads");
  }
  return group;
}

/// An options struct by keywords, validated.
template <class Options>
Options options_from(const py::kwargs& keywords) {
  Options options;
  auto group = keywords_of(options);
  set_keywords(group, keywords);
  options.validate();
  return options;
}

/// "bins=20, clip=100.0": the defaults as Python writes them.
std::string keyword_defaults(const OptionGroup& group);

/// A docstring whose first line is the signature that inspect.signature() and help() show:
///   name(arguments, *, convention='corrected', bins=20)
/// then `text`, then each option with its help, unit, kind and default.
std::string documented(const std::string& name, const std::string& arguments,
                       const OptionGroup& group, const std::string& text);
template <class Options>
std::string documented(const std::string& name, const std::string& arguments,
                       const std::string& text) {
  Options options;
  return documented(name, arguments, keywords_of(options), text);
}
/// The same without options.
std::string documented(const std::string& name, const std::string& arguments,
                       const std::string& text);

}  // namespace expunge::python
