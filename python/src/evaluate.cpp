// margins, KLoM, U-LiRA and LDS in Python.

#include <fmt/format.h>

#include "arguments.h"
#include "calls.h"
#include "expunge/core/error.h"
#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom.h"
#include "expunge/evaluate/lds.h"
#include "expunge/evaluate/margins.h"
#include "expunge/evaluate/ulira.h"
#include "module.h"
#include "summary_options.h"

namespace expunge::python {
namespace {

// As the command line warns. Under warnings.simplefilter("error") it is an exception.
void warn(const std::string& text) {
  if (PyErr_WarnEx(PyExc_UserWarning, text.c_str(), 1) != 0) throw py::error_already_set();
}

void warn_of_few_models(const torch::Tensor& unlearned, const torch::Tensor& oracles) {
  if (klom_is_stable(unlearned.size(0), oracles.size(0))) return;
  warn(fmt::format("KLoM is stable from about 80 models a side, got {} and {}", unlearned.size(0),
                   oracles.size(0)));
}

torch::Tensor margins_in_python(const py::object& logits, const py::object& labels,
                                int64_t workers) {
  const auto z = tensor_of(logits, "logits");
  const auto y = tensor_of(labels, "labels");
  return computed([&] { return margins(z, y, workers); });
}

torch::Tensor klom_in_python(const py::object& unlearned, const py::object& oracles,
                             const py::kwargs& keywords) {
  const auto options = options_from<KlomOptions>(keywords);
  const auto u = tensor_of(unlearned, "unlearned");
  const auto o = tensor_of(oracles, "oracles");
  auto result = computed([&] { return klom(u, o, options); });
  warn_of_few_models(u, o);
  return result;
}

KlomSummary summarise_in_python(const py::object& unlearned, const py::object& oracles, int64_t n,
                                const py::object& forget, const py::kwargs& keywords) {
  const auto options = summary_options_from(keywords);
  const auto u = tensor_of(unlearned, "unlearned");
  const auto o = tensor_of(oracles, "oracles");
  const auto f = indices_of(forget, "forget");
  auto result =
      computed([&] { return summarise_klom(u, o, n, f, options.klom, options.resampling); });
  warn_of_few_models(u, o);
  return result;
}

std::string summary_signature() {
  return documented<SummaryOptions>(
      "summarise_klom", "unlearned, oracles, n, forget",
      "KLoM of the forget set, the retain set, the validation points and all points, "
      "each as its 95th\n"
      "percentile with a 95% interval and its mean, in nats.\n\n"
      "unlearned (Nu, m) and oracles (No, m): margins, float32, nats; the first n of "
      "the m points are the\n"
      "training set. forget: indices into it. Returns a KlomSummary.");
}

UliraResult ulira_in_python(const py::object& unlearned, const py::object& oracles,
                            const py::object& points, const py::kwargs& keywords) {
  const auto options = options_from<UliraOptions>(keywords);
  const auto u = tensor_of(unlearned, "unlearned");
  const auto o = tensor_of(oracles, "oracles");
  const auto p = indices_of(points, "points");
  return computed([&] {
    const std::vector<UliraScores> sets = {ulira_scores(u, o, p, options)};
    return summarise_ulira(sets);
  });
}

LdsResult lds_in_python(const py::object& predictions, const py::object& outputs,
                        const py::kwargs& keywords) {
  const auto options = options_from<LdsOptions>(keywords);
  const auto g = tensor_of(predictions, "predictions");
  const auto f = tensor_of(outputs, "outputs");
  return computed([&] { return lds(g, f, options); });
}

void register_results(py::module_& module) {
  py::class_<GroupStatistic>(module, "GroupStatistic",
                             "KLoM over a group of points, in nats; NaN where there are none.")
      .def_readonly("p95", &GroupStatistic::p95, "95th percentile over the points, nats")
      .def_readonly("mean", &GroupStatistic::mean, "mean over the points, nats")
      .def_readonly("p95_low", &GroupStatistic::p95_low, "lower end of the 95% interval of p95")
      .def_readonly("p95_high", &GroupStatistic::p95_high, "upper end of the 95% interval of p95")
      .def_readonly("points", &GroupStatistic::points, "number of points")
      .def("__repr__", [](const GroupStatistic& s) {
        return fmt::format("GroupStatistic(p95={:.4f} ({:.4f} to {:.4f}), mean={:.4f}, points={})",
                           s.p95, s.p95_low, s.p95_high, s.mean, s.points);
      });
  py::class_<KlomSummary>(module, "KlomSummary", "KLoM by group of points, in nats.")
      .def_readonly("forget", &KlomSummary::forget, "GroupStatistic of the forget set")
      .def_readonly("retain", &KlomSummary::retain,
                    "GroupStatistic of the rest of the training set")
      .def_readonly("validation", &KlomSummary::validation, "GroupStatistic of the other points")
      .def_readonly("all", &KlomSummary::all, "GroupStatistic of all points")
      .def("__repr__", [](const KlomSummary& s) {
        return fmt::format(
            "KlomSummary(P95 in nats: forget {:.4f}, retain {:.4f}, validation {:.4f})",
            s.forget.p95, s.retain.p95, s.validation.p95);
      });
  py::class_<UliraResult>(module, "UliraResult",
                          "How well U-LiRA tells unlearned models from oracles; 0.5 is guessing.")
      .def_readonly("accuracy", &UliraResult::accuracy, "share of right decisions")
      .def_readonly("accuracy_low", &UliraResult::accuracy_low, "lower end of its 95% interval")
      .def_readonly("accuracy_high", &UliraResult::accuracy_high, "upper end of its 95% interval")
      .def_readonly("standard_error", &UliraResult::standard_error,
                    "of the accuracy, each attacked model one observation")
      .def_readonly("auc", &UliraResult::auc, "area under the ROC of the ratio")
      .def_readonly("tpr_at_1_percent", &UliraResult::tpr_at_1_percent,
                    "unlearned models found where 1% of oracles are taken for one")
      .def_readonly("tpr_at_01_percent", &UliraResult::tpr_at_01_percent, "the same at 0.1%")
      .def_readonly("accuracy_of_point", &UliraResult::accuracy_of_point,
                    "(P) float64, in the order of the points")
      .def_readonly("examples", &UliraResult::examples, "points judged")
      .def_readonly("decisions", &UliraResult::decisions, "decisions made")
      .def("__repr__", [](const UliraResult& r) {
        return fmt::format("UliraResult(accuracy={:.3f} ({:.3f} to {:.3f}), auc={:.3f})",
                           r.accuracy, r.accuracy_low, r.accuracy_high, r.auc);
      });
  py::class_<LdsStatistic>(module, "LdsStatistic", "A correlation over models, by point.")
      .def_readonly("of_point", &LdsStatistic::of_point, "(m) float64")
      .def_readonly("mean", &LdsStatistic::mean, "mean over points")
      .def_readonly("low", &LdsStatistic::low, "lower end of the mean's 95% interval")
      .def_readonly("high", &LdsStatistic::high, "upper end of the mean's 95% interval")
      .def("__repr__", [](const LdsStatistic& s) { return "LdsStatistic(" + words_of(s) + ")"; });
  py::class_<LdsResult>(module, "LdsResult", "The linear datamodelling score.")
      .def_readonly("spearman", &LdsResult::spearman, "LdsStatistic of ranks: the LDS")
      .def_readonly("pearson", &LdsResult::pearson, "LdsStatistic of values")
      .def_readonly("constant_points", &LdsResult::constant_points,
                    "points whose predictions or outputs are all equal, taken as 0")
      .def("__repr__", [](const LdsResult& r) {
        return fmt::format("LdsResult(spearman={}, pearson={})", words_of(r.spearman),
                           words_of(r.pearson));
      });
}

}  // namespace

void register_evaluate(py::module_& module) {
  register_results(module);
  module.def(
      "margins", &margins_in_python, py::arg("logits"), py::arg("labels"), py::kw_only(),
      py::arg("workers") = 0,
      documented(
          "margins", "logits, labels, *, workers=0",
          "Margins in nats: the label's logit minus the logsumexp of the others.\n\n"
          "logits (N, m, C) or (m, C) float16 or float32; labels (m) int64. Returns (N, m) or (m)\n"
          "float32. workers: threads, 0 for one a processor.")
          .c_str());
  module.def(
      "shifted_margins",
      [](const py::object& logits, const py::object& shift, const py::object& labels,
         int64_t workers) {
        const auto z = tensor_of(logits, "logits");
        const auto s = tensor_of(shift, "shift");
        const auto y = tensor_of(labels, "labels");
        return computed([&] { return shifted_margins(z, s, y, workers); });
      },
      py::arg("logits"), py::arg("shift"), py::arg("labels"), py::kw_only(), py::arg("workers") = 0,
      documented("shifted_margins", "logits, shift, labels, *, workers=0",
                 "Margins (N, m) of logits (N, m, C) to each of which a shift (m, C) float32 is "
                 "added: what is\n"
                 "predicted of models without fine-tuning any (dm-direct).")
          .c_str());
  module.def("klom", &klom_in_python, py::arg("unlearned"), py::arg("oracles"),
             documented<KlomOptions>("klom", "unlearned, oracles",
                                     "KLoM of every point in nats: how far the margins of "
                                     "unlearned models are from those of oracles.\n\n"
                                     "unlearned (Nu, m) and oracles (No, m): margins, float32, "
                                     "nats, at least 2 models a side.\n"
                                     "Returns (m) float64. Warns below 80 models a side. Compare "
                                     "figures of equal Nu and No only.")
                 .c_str());
  module.def("summarise_klom", &summarise_in_python, py::arg("unlearned"), py::arg("oracles"),
             py::arg("n"), py::arg("forget"), summary_signature().c_str());
  module.def("ulira", &ulira_in_python, py::arg("unlearned"), py::arg("oracles"), py::arg("points"),
             documented<UliraOptions>(
                 "ulira", "unlearned, oracles, points",
                 "The likelihood-ratio attack: can one model's margin tell whether it was "
                 "unlearned or retrained?\n\n"
                 "unlearned (Nu, m) and oracles (No, m): margins, float32, nats, at least 4 models "
                 "a side. points:\n"
                 "indices into the m points, usually the forget set. Returns a UliraResult.")
                 .c_str());
  module.def(
      "lds", &lds_in_python, py::arg("predictions"), py::arg("outputs"),
      documented<LdsOptions>(
          "lds", "predictions, outputs",
          "How well attributions predict the outputs of models that they were not fitted to.\n\n"
          "predictions and outputs (N, m) float32, at least 8 models. Returns an LdsResult.")
          .c_str());
  module.def(
      "subset_predictions",
      [](const py::object& masks, const py::object& scores) {
        const auto m = tensor_of(masks, "masks");
        const auto s = tensor_of(scores, "scores");
        return computed([&] { return subset_predictions(m, s); });
      },
      py::arg("masks"), py::arg("scores"),
      documented("subset_predictions", "masks, scores",
                 "What scores (n, m) float32 predict of models with masks (N, n) bool: (N, m) "
                 "float32, each the sum\n"
                 "of the scores of the examples that the model saw. A score is positive where "
                 "training on the\n"
                 "example raises the output.")
          .c_str());
}

}  // namespace expunge::python
