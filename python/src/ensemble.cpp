// Stores of ensembles in Python: reading them, and filling them with modules that Python trains.

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>

#include "arguments.h"
#include "calls.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/safetensors.h"
#include "expunge/data/masks.h"
#include "expunge/pipeline/run_config.h"
#include "expunge/train/ensemble.h"
#include "expunge/train/ensemble_store.h"
#include "module.h"
#include "module_network.h"

namespace expunge::python {
namespace {

using Texts = std::map<std::string, std::string>;

// What Python makes of a row, on as many threads as Python had before the library held them to one.
class PythonMaker {
 public:
  PythonMaker(py::object make, const EnsembleSpec& spec, int64_t n)
      : make_(std::move(make)), spec_(spec), n_(n), threads_(at::get_num_threads()) {}

  MadeModel operator()(int64_t row) const {
    const py::gil_scoped_acquire gil;
    const auto members = model_mask(spec_, n_, row).nonzero().flatten().contiguous();
    const WithThreads threads(threads_);
    const py::object made = make_(row, model_seed(spec_, row), members);
    if (!py::isinstance<py::tuple>(made)) return {std::make_unique<ModuleNetwork>(made), {}};
    const auto pair = made.cast<py::tuple>();
    if (pair.size() != 2 || !py::isinstance<py::dict>(pair[1]))
      fail<InputError>("make: a module, or a module and a dict of notes, required");
    return {std::make_unique<ModuleNetwork>(pair[0]), pair[1].cast<Texts>()};
  }

 private:
  class WithThreads {
   public:
    explicit WithThreads(int threads) : before_(at::get_num_threads()) {
      at::set_num_threads(threads);
    }
    ~WithThreads() { at::set_num_threads(before_); }
    WithThreads(const WithThreads&) = delete;
    WithThreads& operator=(const WithThreads&) = delete;

   private:
    int before_;
  };

  py::object make_;
  const EnsembleSpec& spec_;
  int64_t n_;
  int threads_;
};

torch::ScalarType logits_dtype_of(const std::string& name) {
  if (name == "float16") return torch::kFloat16;
  if (name == "float32") return torch::kFloat32;
  fail<OptionError>("option logits_dtype: float32 or float16 required, got \"{}\"", name);
}

EnsembleSpec spec_of(const std::string& name, int64_t models, uint64_t seed,
                     std::optional<double> alpha, const std::string& scheme,
                     const py::object& excluded, const std::string& logits_dtype, bool weights) {
  EnsembleSpec spec{.name = name, .models = models, .seed = seed, .masks = {}, .excluded = {}};
  if (alpha) {
    spec.masks = MaskOptions{*alpha, scheme};
    spec.masks->validate();
  }
  if (!excluded.is_none()) spec.excluded = indices_of(excluded, "excluded");
  spec.logits_dtype = logits_dtype_of(logits_dtype);
  spec.weights = weights;
  return spec;
}

void fill_in_python(const std::string& folder, const Problem& problem, const py::object& make,
                    const std::string& name, int64_t models, uint64_t seed,
                    std::optional<double> alpha, const std::string& scheme,
                    const py::object& excluded, const std::string& logits_dtype, bool weights,
                    const Texts& settings, const py::object& progress) {
  const auto spec = spec_of(name, models, seed, alpha, scheme, excluded, logits_dtype, weights);
  auto description = describe_ensemble(spec, problem);
  for (const auto& [key, value] : settings) description.settings["user." + key] = value;
  const PythonMaker maker(make, spec, problem.n());
  const auto sink = progress_of(progress);
  // One at a time: what Python trains with draws from generators that all its threads share.
  computed([&] {
    fill_store(
        folder, description, Metadata{{"format", "pt"}}, problem,
        [&](int64_t row) { return model_mask(spec, problem.n(), row); },
        [&](int64_t row) { return maker(row); }, /*workers=*/1, sink.get());
  });
}

void check_row(const EnsembleStore& store, int64_t row) {
  if (row >= 0 && row < store.description().models) return;
  fail<InputError>("{}: a model from 0 to {} required, got {}", store.folder().string(),
                   store.description().models - 1, row);
}

py::dict tensors_of(const SafetensorsFile& file) {
  py::dict tensors;
  for (const auto& [name, tensor] : file.tensors) tensors[py::str(name)] = tensor;
  return tensors;
}

// The tensors of a model's file. Checked against a module by its load_state_dict.
py::dict state_dict_of(const EnsembleStore& store, int64_t row) {
  check_row(store, row);
  if (!store.description().weights)
    fail<InputError>("{}: the weights of model {} required, but this ensemble keeps no weights",
                     store.folder().string(), row);
  return tensors_of(computed([&] { return read_safetensors(store.weights_path(row)); }));
}

Texts metadata_of(const EnsembleStore& store, int64_t row) {
  check_row(store, row);
  return read_safetensors(store.weights_path(row)).metadata;
}

torch::Tensor completed_of(const EnsembleStore& store) {
  const auto there = computed([&] { return store.completed(); });
  auto completed = torch::empty({static_cast<int64_t>(there.size())}, torch::kBool);
  std::copy(there.begin(), there.end(), completed.data_ptr<bool>());
  return completed;
}

using Part = torch::Tensor (EnsembleStore::*)() const;

// InputError unless the file of a finished store is what it must be; expunge.Ensemble maps it then.
void check_file(const EnsembleStore& store, Part part) {
  computed([&] { (void)(store.*part)(); });
}

// In memory that may be written to, which the mapped files of a finished store must not be.
torch::Tensor own_memory(const EnsembleStore& store, Part part) {
  return computed([&] {
    const auto array = (store.*part)();
    return store.is_finalised() ? array.clone() : array;
  });
}

// Every option of [ensembles] in a configuration, by name.
py::dict ensemble_options(const py::kwargs& keywords) {
  EnsembleOptions options;
  auto group = options_of(options);
  set_keywords(group, keywords);
  options.validate();
  py::dict values;
  for (const auto& field : group.fields()) values[py::str(field.name)] = py::cast(field.get());
  return values;
}

void register_store(py::module_& module) {
  py::class_<EnsembleStore>(module, "EnsembleStore", "What expunge.Ensemble reads.")
      .def(py::init([](const std::string& folder) { return EnsembleStore::open(folder); }),
           py::arg("folder"))
      .def_property_readonly("folder", [](const EnsembleStore& s) { return s.folder().string(); })
      .def_property_readonly("name", [](const EnsembleStore& s) { return s.description().name; })
      .def_property_readonly("models",
                             [](const EnsembleStore& s) { return s.description().models; })
      .def_property_readonly("n", [](const EnsembleStore& s) { return s.description().layout.n; })
      .def_property_readonly("m", [](const EnsembleStore& s) { return s.description().layout.m; })
      .def_property_readonly("classes",
                             [](const EnsembleStore& s) { return s.description().layout.classes; })
      .def_property_readonly("weights",
                             [](const EnsembleStore& s) { return s.description().weights; })
      .def_property_readonly("settings",
                             [](const EnsembleStore& s) { return s.description().settings; })
      .def("completed", &completed_of)
      .def("is_complete",
           [](const EnsembleStore& s) { return computed([&] { return s.is_complete(); }); })
      .def("is_finished", &EnsembleStore::is_finalised)
      .def("check_masks", [](const EnsembleStore& s) { check_file(s, &EnsembleStore::masks); })
      .def("check_logits", [](const EnsembleStore& s) { check_file(s, &EnsembleStore::logits); })
      .def("masks", [](const EnsembleStore& s) { return own_memory(s, &EnsembleStore::masks); })
      .def("logits", [](const EnsembleStore& s) { return own_memory(s, &EnsembleStore::logits); })
      .def("state_dict", &state_dict_of, py::arg("row"))
      .def("metadata", &metadata_of, py::arg("row"));
}

}  // namespace

void register_ensemble(py::module_& module) {
  register_store(module);
  EnsembleOptions ensembles;
  module.def("ensemble_options", &ensemble_options,
             documented("ensemble_options", "", options_of(ensembles),
                        "How many models of each kind an Experiment trains: dict, defaults where "
                        "nothing is given.")
                 .c_str());
  module.def(
      "read_safetensors",
      [](const std::string& path) {
        return tensors_of(computed([&] { return read_safetensors(path); }));
      },
      py::arg("path"),
      documented("read_safetensors", "path", "Tensors of a weight file by name, a state_dict.")
          .c_str());
  module.def(
      "write_npy",
      [](const std::string& path, const py::object& array) {
        const auto tensor = tensor_of(array, "array");
        computed([&] { write_npy(path, tensor); });
      },
      py::arg("path"), py::arg("array"),
      documented("write_npy", "path, array",
                 "Writes a tensor as NumPy's .npy, as a whole or not at all.")
          .c_str());
  MaskOptions masks;
  module.def(
      "subset_mask",
      [](int64_t n, int64_t row, uint64_t seed, const py::kwargs& keywords) {
        const auto options = options_from<MaskOptions>(keywords);
        if (row < 0) fail<InputError>("row: a whole number of at least 0 required, got {}", row);
        return subset_mask(options, n, seed, row);
      },
      py::arg("n"), py::arg("row"), py::kw_only(), py::arg("seed") = 0,
      documented("subset_mask", "n, row, *, seed=0", options_of(masks),
                 "(n) bool: which of n training examples subset model `row` sees. It depends on "
                 "the arguments alone.")
          .c_str());
  module.def("fill_ensemble", &fill_in_python, py::arg("folder"), py::arg("problem"),
             py::arg("make"), py::kw_only(), py::arg("name"), py::arg("models"),
             py::arg("seed") = 0, py::arg("alpha") = py::none(), py::arg("scheme") = "balanced",
             py::arg("excluded") = py::none(), py::arg("logits_dtype") = "float32",
             py::arg("weights") = false, py::arg("settings") = Texts{},
             py::arg("progress") = py::none(),
             documented("fill_ensemble",
                        "folder, problem, make, *, name, models, seed=0, alpha=None, "
                        "scheme='balanced', excluded=None, "
                        "logits_dtype='float32', weights=False, settings={}, progress=None",
                        "Opens or makes an ensemble's store and fills the rows that it lacks with "
                        "what make(row, seed, members)\n"
                        "returns: a torch.nn.Module trained on the examples `members` (int64 "
                        "tensor of indices into the training\n"
                        "set), or a pair of one and a dict of notes for its file. It can be "
                        "interrupted at any instant; the same\n"
                        "call goes on.\n\n"
                        "Members are those of a random subset where alpha is given (scheme: "
                        "balanced or independent), all but\n"
                        "`excluded` otherwise. The store refuses another call's problem, sizes, "
                        "seed and `settings` (texts).\n"
                        "weights: keep each module's state_dict. progress: a function (task, done, "
                        "total, resumed) or None.")
                 .c_str());
}

}  // namespace expunge::python
