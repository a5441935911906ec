// Subset datamodels in Python.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <optional>

#include "arguments.h"
#include "calls.h"
#include "expunge/attribution/subset_datamodels.h"
#include "expunge/core/error.h"
#include "module.h"

namespace expunge::python {
namespace {

// Options first, models afterwards, as estimators in Python have it.
class Datamodels {
 public:
  explicit Datamodels(const py::kwargs& keywords)
      : options_(options_from<RidgeOptions>(keywords)) {}

  void fit(const py::object& masks, const py::object& logits) {
    const auto m = tensor_of(masks, "masks");
    const auto z = tensor_of(logits, "logits");
    fitted_.reset();
    fitted_ = computed([&] { return SubsetDatamodels::fit(m, z, options_); });
  }

  void load(const std::string& folder, const py::object& masks, const py::object& logits) {
    const auto m = tensor_of(masks, "masks");
    const auto z = tensor_of(logits, "logits");
    fitted_.reset();
    fitted_ = computed([&] { return SubsetDatamodels::load(folder, m, z, options_); });
  }

  void save(const std::string& folder) const {
    computed([&] { fitted().save(folder); });
  }

  [[nodiscard]] torch::Tensor removal_shifts(std::vector<std::vector<int64_t>> removals) const {
    return computed([&] { return fitted().removal_shifts(removals); });
  }

  [[nodiscard]] const SubsetDatamodels& fitted() const {
    if (!fitted_) fail<InputError>("SubsetDatamodels: fit() or load() required first");
    return *fitted_;
  }
  [[nodiscard]] bool is_fitted() const { return fitted_.has_value(); }

  [[nodiscard]] std::string text() const {
    RidgeOptions options = options_;
    std::vector<std::string> parts;
    for (const auto& field : options_of(options).fields()) {
      if (field.get() != field.initial) parts.push_back(field.name + "=" + to_toml(field.get()));
    }
    return fmt::format(
        "SubsetDatamodels({}){}", fmt::join(parts, ", "),
        is_fitted() ? fmt::format(", fitted with lambda {:.4g}", fitted_->lambda_choice().lambda)
                    : "");
  }

 private:
  RidgeOptions options_;
  std::optional<SubsetDatamodels> fitted_;
};

std::vector<std::pair<double, double>> curve_of(const Datamodels& datamodels) {
  std::vector<std::pair<double, double>> curve;
  for (const auto& point : datamodels.fitted().lambda_choice().curve)
    curve.emplace_back(point.ratio, point.relative_error);
  return curve;
}

}  // namespace

void register_datamodels(py::module_& module) {
  py::class_<Datamodels>(
      module, "SubsetDatamodels",
      documented<RidgeOptions>("SubsetDatamodels", "",
                               "Each evaluation point's logits as a linear function of the "
                               "training-set mask, fitted by ridge\n"
                               "regression on subset models. SubsetDatamodels(...).fit(masks, "
                               "logits).removal_shift(forget) is what\n"
                               "a full model's logits would change by if it had been trained "
                               "without the forget set, in nats.")
          .c_str())
      .def(py::init<const py::kwargs&>(),
           documented<RidgeOptions>("__init__", "self", "Options by name.").c_str())
      .def(
          "fit",
          [](py::object self, const py::object& masks, const py::object& logits) {
            self.cast<Datamodels&>().fit(masks, logits);
            return self;
          },
          py::arg("masks"), py::arg("logits"),
          documented("fit", "self, masks, logits",
                     "masks (N, n) bool: which examples each model saw; logits (N, m, C) float16 "
                     "or float32 in nats, the\n"
                     "first n of the m points the training set. Neither is copied; both are read "
                     "again by\n"
                     "removal_shift(). Returns itself.")
              .c_str())
      .def(
          "removal_shift",
          [](const Datamodels& self, const py::object& forget) {
            return self.removal_shifts({indices_of(forget, "forget")})[0];
          },
          py::arg("forget"),
          documented("removal_shift", "self, forget",
                     "(m, C) float32: the predicted change of all logits, in nats, if the examples "
                     "`forget` (indices\n"
                     "into the training set) had not been trained on.")
              .c_str())
      .def(
          "removal_shifts",
          [](const Datamodels& self, const py::iterable& removals) {
            std::vector<std::vector<int64_t>> sets;
            for (const auto& removal : removals) sets.push_back(indices_of(removal, "removals"));
            return self.removal_shifts(std::move(sets));
          },
          py::arg("removals"),
          documented("removal_shifts", "self, removals",
                     "(K, m, C) float32: removal_shift() of K sets, for one pass over the logits.")
              .c_str())
      .def("save", &Datamodels::save, py::arg("folder"),
           documented("save", "self, folder",
                      "Writes what does not depend on a forget set into a folder, for load().")
               .c_str())
      .def(
          "load",
          [](py::object self, const std::string& folder, const py::object& masks,
             const py::object& logits) {
            self.cast<Datamodels&>().load(folder, masks, logits);
            return self;
          },
          py::arg("folder"), py::arg("masks"), py::arg("logits"),
          documented("load", "self, folder, masks, logits",
                     "What save() wrote, for the same masks, logits and options. Returns itself.")
              .c_str())
      .def_property_readonly(
          "alpha", [](const Datamodels& d) { return d.fitted().alpha(); }, "mean of all masks")
      .def_property_readonly(
          "lambda_", [](const Datamodels& d) { return d.fitted().lambda_choice().lambda; },
          "the penalty")
      .def_property_readonly(
          "lambda_ratio", [](const Datamodels& d) { return d.fitted().lambda_choice().ratio; },
          "the penalty as a multiple of n alpha (1 - alpha)")
      .def_property_readonly(
          "curve", &curve_of,
          "list of (ratio, error of held-out logits as a share of that of their mean)")
      .def_property_readonly(
          "own_effects", [](const Datamodels& d) { return d.fitted().own_effects(); },
          "(n, C) float32: each training example's effect on its own logits, nats")
      .def("__repr__", &Datamodels::text);
}

}  // namespace expunge::python
