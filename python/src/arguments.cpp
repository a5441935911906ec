#include "arguments.h"

#include <ATen/ops/from_blob.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/csrc/autograd/python_variable.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

#include "expunge/core/error.h"

namespace expunge::python {
namespace {

std::string type_name(const py::handle& object) {
  return py::cast<std::string>(py::type::of(object).attr("__name__"));
}

// The dtype of a buffer's format (the struct module's letters) in the machine's byte order.
std::optional<torch::ScalarType> dtype_of(std::string format, py::ssize_t item_size) {
  if (!format.empty() && (format.front() == '@' || format.front() == '=' || format.front() == '<'))
    format.erase(0, 1);
  if (format.size() != 1) return std::nullopt;
  switch (format.front()) {
    case '?':
      return torch::kBool;
    case 'B':
      return torch::kUInt8;
    case 'b':
      return torch::kInt8;
    case 'e':
      return torch::kFloat16;
    case 'f':
      return torch::kFloat32;
    case 'd':
      return torch::kFloat64;
    case 'h':
    case 'i':
    case 'l':
    case 'q':
      if (item_size == 2) return torch::kInt16;
      if (item_size == 4) return torch::kInt32;
      if (item_size == 8) return torch::kInt64;
      return std::nullopt;
    default:
      return std::nullopt;
  }
}

torch::Tensor tensor_of_buffer(const py::handle& object, const std::string& name) {
  const auto view = [&] {
    try {
      return py::reinterpret_borrow<py::buffer>(object).request();
    } catch (const py::error_already_set&) {
      fail<InputError>("{}: an array whose memory can be shared required, got {}", name,
                       type_name(object));
    }
  }();
  const auto dtype = dtype_of(view.format, view.itemsize);
  if (!dtype) {
    fail<InputError>(
        "{}: an array of bool, int, float16, float32 or float64 required, got format \"{}\"", name,
        view.format);
  }
  std::vector<int64_t> strides;
  for (const auto stride : view.strides) {
    if (stride < 0 || stride % view.itemsize != 0) {
      fail<InputError>(
          "{}: strides above 0 required, got {} bytes; numpy.ascontiguousarray() makes a copy that "
          "has them",
          name, stride);
    }
    strides.push_back(stride / view.itemsize);
  }
  PyObject* const owner = py::reinterpret_borrow<py::object>(object).release().ptr();
  const auto release = [owner](void*) {
    const py::gil_scoped_acquire gil;
    Py_DECREF(owner);
  };
  if (view.size == 0) {
    release(nullptr);
    return torch::empty(std::vector<int64_t>(view.shape.begin(), view.shape.end()), *dtype);
  }
  return at::from_blob(view.ptr, std::vector<int64_t>(view.shape.begin(), view.shape.end()),
                       strides, release, torch::TensorOptions(*dtype));
}

std::optional<OptionValue> whole_number(const py::handle& value, const std::string& name) {
  int overflow = 0;
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
  if (!number) throw py::error_already_set();
  const auto whole = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow != 0) {
    fail<OptionError>("option {}: a whole number of 64 bits required, got {}", name,
                      py::cast<std::string>(py::str(value)));
  }
  return static_cast<int64_t>(whole);
}

std::optional<OptionValue> list_value(const py::handle& value, const std::string& name);

// The value as an option has it; none for what no option is.
std::optional<OptionValue> option_value(const py::handle& value, const std::string& name) {
  if (py::isinstance<py::bool_>(value)) return value.cast<bool>();
  if (py::isinstance<py::str>(value)) return value.cast<std::string>();
  if (PyIndex_Check(value.ptr()) != 0 && !THPVariable_Check(value.ptr()))
    return whole_number(value, name);
  if (py::isinstance<py::float_>(value) || py::hasattr(value, "__float__"))
    return value.attr("__float__")().cast<double>();
  if (py::isinstance<py::list>(value) || py::isinstance<py::tuple>(value))
    return list_value(value, name);
  return std::nullopt;
}

std::optional<OptionValue> list_value(const py::handle& value, const std::string& name) {
  std::vector<int64_t> whole;
  std::vector<double> numbers;
  std::vector<std::string> texts;
  const auto size = py::len(value);
  for (const auto& item : value) {
    const auto one = option_value(item, name);
    if (!one) return std::nullopt;
    if (const auto* number = std::get_if<int64_t>(&*one)) {
      whole.push_back(*number);
      numbers.push_back(static_cast<double>(*number));
    } else if (const auto* real = std::get_if<double>(&*one)) {
      numbers.push_back(*real);
    } else if (const auto* text = std::get_if<std::string>(&*one)) {
      texts.push_back(*text);
    }
  }
  if (whole.size() == size) return whole;
  if (numbers.size() == size) return numbers;
  if (texts.size() == size) return texts;
  return std::nullopt;
}

// Words that are no names in Python and might be ones of options.
constexpr std::array<std::string_view, 6> keywords_of_python = {"lambda", "class", "from",
                                                                "in",     "is",    "global"};

std::string python_name(const std::string& name) {
  const bool is_taken = std::find(keywords_of_python.begin(), keywords_of_python.end(), name) !=
                        keywords_of_python.end();
  return is_taken ? name + "_" : name;
}

bool is_found_by_rule(const OptionField& field) {
  const auto* text = std::get_if<std::string>(&field.initial);
  return text != nullptr && *text == "auto" && field.type.starts_with("number");
}

void set_by_rule(OptionGroup& group, const std::string& name) {
  for (const auto& field : group.fields()) {
    if (field.name == name && !is_found_by_rule(field))
      fail<OptionError>("option {}: {} required, got None", name, field.type);
  }
  group.set(name, std::string("auto"));
}

std::string default_of(const OptionField& field) {
  if (is_found_by_rule(field)) return "None";
  if (const auto* flag = std::get_if<bool>(&field.initial)) return *flag ? "True" : "False";
  if (const auto* text = std::get_if<std::string>(&field.initial))
    return py::cast<std::string>(py::repr(py::str(*text)));
  return to_toml(field.initial);
}

// Lines of at most 96 characters, each after `indent` spaces.
std::string wrapped(const std::string& text, size_t indent) {
  std::string out;
  std::string line;
  const std::string space(indent, ' ');
  for (size_t begin = 0; begin < text.size();) {
    const auto end = std::min(text.find(' ', begin), text.size());
    const auto word = text.substr(begin, end - begin);
    if (!line.empty() && indent + line.size() + 1 + word.size() > 96) {
      out += space + line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
    begin = end + 1;
  }
  return out + space + line + "\n";
}

}  // namespace

torch::Tensor tensor_of(const py::handle& object, const std::string& name) {
  if (!THPVariable_Check(object.ptr())) {
    if (PyObject_CheckBuffer(object.ptr()) == 0) {
      fail<InputError>("{}: a torch.Tensor or a NumPy array required, got {}", name,
                       type_name(object));
    }
    return tensor_of_buffer(object, name).contiguous();
  }
  const auto& tensor = THPVariable_Unpack(object.ptr());
  if (tensor.layout() != torch::kStrided)
    fail<InputError>("{}: a dense tensor required, got a sparse one", name);
  if (!tensor.device().is_cpu()) {
    fail<InputError>("{}: a tensor on the CPU required, got one on {}; .cpu() copies it there",
                     name, tensor.device().str());
  }
  return tensor.detach().resolve_neg().contiguous();
}

std::vector<int64_t> indices_of(const py::handle& object, const std::string& name) {
  if (THPVariable_Check(object.ptr()) || PyObject_CheckBuffer(object.ptr()) != 0) {
    const auto tensor = tensor_of(object, name);
    if (tensor.dim() != 1 || tensor.scalar_type() != torch::kInt64) {
      fail<InputError>("{}: indices (count) int64 required, got ({}) of {}", name,
                       fmt::join(tensor.sizes(), ", "), toString(tensor.scalar_type()));
    }
    const auto* values = tensor.data_ptr<int64_t>();
    return {values, values + tensor.numel()};
  }
  std::vector<int64_t> indices;
  try {
    for (const auto& item : py::reinterpret_borrow<py::iterable>(object))
      indices.push_back(item.cast<int64_t>());
  } catch (const py::cast_error&) {
    fail<InputError>("{}: whole numbers required, got another object among them", name);
  } catch (const py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
    fail<InputError>("{}: indices required (a list, an int64 tensor or an array), got {}", name,
                     type_name(object));
  }
  return indices;
}

void set_keywords(OptionGroup& group, const py::kwargs& keywords) {
  for (const auto& [key, value] : keywords) {
    auto name = key.cast<std::string>();
    if (name.size() > 1 && name.back() == '_' &&
        python_name(name.substr(0, name.size() - 1)) == name)
      name.pop_back();
    if (value.is_none()) {
      set_by_rule(group, name);
      continue;
    }
    const auto converted = option_value(value, name);
    if (!converted) {
      fail<OptionError>("option {}: a number, a text, True, False or a list required, got {}", name,
                        type_name(value));
    }
    group.set(name, *converted);
  }
}

std::string keyword_defaults(const OptionGroup& group) {
  std::vector<std::string> parts;
  for (const auto& field : group.fields())
    parts.push_back(python_name(field.name) + "=" + default_of(field));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string documented(const std::string& name, const std::string& arguments,
                       const OptionGroup& group, const std::string& text) {
  const auto options = keyword_defaults(group);
  auto all = arguments;
  if (!arguments.empty()) all += ", ";
  if (arguments.find('*') == std::string::npos) all += "*, ";
  auto doc = documented(name, all + options, text);
  doc += "\n" + group.title() + "\n" + std::string(group.title().size(), '-') + "\n";
  for (const auto& field : group.fields()) {
    doc += fmt::format("{} : {}, default {}\n", python_name(field.name), field.type,
                       default_of(field));
    doc += wrapped(field.unit.empty() ? field.help : fmt::format("{} ({})", field.help, field.unit),
                   4);
  }
  return doc;
}

std::string documented(const std::string& name, const std::string& arguments,
                       const std::string& text) {
  // CPython takes what stands before "\n--\n\n" for the signature.
  return fmt::format("{}({})\n--\n\n{}\n", name, arguments, text);
}

}  // namespace expunge::python
