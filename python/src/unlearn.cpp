// Problems of Python's tensors, and bringing a torch.nn.Module to target logits.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <memory>

#include "arguments.h"
#include "calls.h"
#include "expunge/core/error.h"
#include "expunge/train/problem.h"
#include "expunge/unlearn/target_matching.h"
#include "module.h"
#include "module_network.h"

namespace expunge::python {
namespace {

// Puts the module's parameters back unless all went well.
class KeptUnlessDone {
 public:
  explicit KeptUnlessDone(const Network& network)
      : parameters_(network.parameters()), before_(parameters_.clone()) {
    // Running statistics too: the gradient engine may change them.
    for (const auto& [name, tensor] : network.state()) state_.emplace_back(tensor, tensor.clone());
  }
  ~KeptUnlessDone() {
    if (is_done_) return;
    parameters_.copy_(before_);
    for (const auto& [tensor, value] : state_) tensor.copy_(value);
  }
  KeptUnlessDone(const KeptUnlessDone&) = delete;
  KeptUnlessDone& operator=(const KeptUnlessDone&) = delete;
  void done() { is_done_ = true; }

 private:
  torch::Tensor parameters_, before_;
  std::vector<std::pair<torch::Tensor, torch::Tensor>> state_;
  bool is_done_ = false;
};

UnlearnSummary match_in_python(const py::object& module, const Problem& problem,
                               const py::object& forget, const py::object& targets, uint64_t seed,
                               const py::kwargs& keywords) {
  MatchingOptions options;
  auto group = options_of(options);
  set_keywords(group, keywords);
  const TargetMatching matching(options);
  const auto indices = indices_of(forget, "forget");
  const auto wanted = tensor_of(targets, "targets");
  ModuleNetwork network(module);
  return computed([&] {
    KeptUnlessDone kept(network);
    const auto summary = matching.unlearn(
        network, {.problem = problem, .forget = indices, .targets = wanted, .seed = seed});
    kept.done();
    return summary;
  });
}

torch::Tensor logits_in_python(const py::object& module, const Problem& problem, int64_t batch) {
  if (batch < 1) fail<OptionError>("option batch: a whole number above 0 required, got {}", batch);
  ModuleNetwork network(module);
  return computed([&] {
    return evaluate_logits(network, problem.inputs.to(network.parameters().scalar_type()), batch);
  });
}

}  // namespace

void register_unlearn(py::module_& module) {
  py::class_<Problem, std::shared_ptr<Problem>>(
      module, "Problem",
      documented("Problem", "inputs, labels, n, classes",
                 "Training set and validation points as tensors: inputs (m, ...) float32 or "
                 "float64, used as they are,\n"
                 "of which the first n are the training set; labels (m) int64 in [0, classes).")
          .c_str())
      .def(py::init(
               [](const py::object& inputs, const py::object& labels, int64_t n, int64_t classes) {
                 const auto x = tensor_of(inputs, "inputs");
                 const auto y = tensor_of(labels, "labels");
                 return std::make_shared<Problem>(
                     computed([&] { return make_problem(x, y, n, classes); }));
               }),
           py::arg("inputs"), py::arg("labels"), py::arg("n"), py::arg("classes"),
           documented("__init__", "self, inputs, labels, n, classes", "Checks all of it.").c_str())
      .def_readonly("inputs", &Problem::inputs, "(m, ...) inputs of all points, training set first")
      .def_readonly("labels", &Problem::labels, "(m) int64")
      .def_property_readonly("n", &Problem::n, "training examples")
      .def_property_readonly("m", &Problem::m,
                             "evaluation points: training set, then validation points")
      .def_property_readonly(
          "classes", [](const Problem& p) { return p.shape.classes; }, "number of classes")
      .def_readonly("fingerprint", &Problem::fingerprint, "digest of inputs, labels and sizes")
      .def("__repr__", [](const Problem& p) {
        return fmt::format("Problem(n={}, m={}, classes={}, inputs ({}))", p.n(), p.m(),
                           p.shape.classes, fmt::join(p.inputs.sizes(), ", "));
      });
  py::class_<UnlearnSummary>(module, "UnlearnSummary", "What unlearning one model did.")
      .def_readonly("sample_gradients", &UnlearnSummary::sample_gradients,
                    "cost: a forward and a backward pass over one example is 1")
      .def_readonly("forget_error_before", &UnlearnSummary::forget_error_before,
                    "root mean square of target minus logit over the forget set, before")
      .def_readonly("forget_error_after", &UnlearnSummary::forget_error_after, "the same, after")
      .def("__repr__", [](const UnlearnSummary& s) {
        return fmt::format(
            "UnlearnSummary(sample_gradients={:.0f}, forget_error_before={:.4f}, "
            "forget_error_after={:.4f})",
            s.sample_gradients, s.forget_error_before, s.forget_error_after);
      });
  MatchingOptions options;
  module.def("match_targets", &match_in_python, py::arg("module"), py::arg("problem"),
             py::arg("forget"), py::arg("targets"), py::kw_only(), py::arg("seed") = 0,
             documented("match_targets", "module, problem, forget, targets, *, seed=0",
                        options_of(options),
                        "Brings a torch.nn.Module to target logits on the forget set, in place, "
                        "and holds other examples\n"
                        "where they are: Datamodel Matching where the targets are the module's "
                        "logits plus a removal shift.\n\n"
                        "module: takes a batch of the problem's inputs, returns logits (batch, "
                        "classes). Parameters that\n"
                        "require no gradient are left alone; BatchNorm works by its running "
                        "statistics unless train_mode.\n"
                        "forget: indices into the training set; targets (m, C) float32, of which "
                        "the forget set's rows\n"
                        "count. seed decides which retained examples are drawn. If it raises, the "
                        "module is as it was.\n"
                        "The kernel engine holds the Jacobian: about (C |F| + 150) times the "
                        "number of parameters, as\n"
                        "float32. Returns an UnlearnSummary.")
                 .c_str());
  module.def("logits", &logits_in_python, py::arg("module"), py::arg("problem"), py::kw_only(),
             py::arg("batch") = 500,
             documented("logits", "module, problem, *, batch=500",
                        "Logits (m, C) of a torch.nn.Module at all points of a problem, in eval "
                        "mode, `batch` at a time, on\n"
                        "the CPU. NonFiniteError names the point whose logits are not finite.")
                 .c_str());
}

}  // namespace expunge::python
