// The report in Python: methods compared with oracles, as a table and as a page.

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <optional>

#include "arguments.h"
#include "calls.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/environment.h"
#include "expunge/core/error.h"
#include "expunge/pipeline/evaluation.h"
#include "expunge/pipeline/method_comparison.h"
#include "expunge/report/report.h"
#include "expunge/report/report_tables.h"
#include "expunge/report/report_words.h"
#include "module.h"
#include "summary_options.h"

namespace expunge::python {
namespace {

using Texts = std::map<std::string, std::string>;

MethodRole role_of(const std::string& name) {
  std::vector<std::string> known;
  for (const auto role : {MethodRole::nothing, MethodRole::prediction, MethodRole::unlearner,
                          MethodRole::baseline, MethodRole::reference, MethodRole::floor}) {
    if (role_name(role) == name) return role;
    known.push_back(role_name(role));
  }
  fail<OptionError>("option role: one of {} required, got \"{}\"; did you mean \"{}\"?",
                    fmt::join(known, ", "), name, nearest_name(name, known));
}

class Report {
 public:
  Report(std::string title, int64_t n, std::string subtitle, const py::kwargs& keywords)
      : n_(n), options_(summary_options_from(keywords)) {
    data_.title = std::move(title);
    data_.subtitle = std::move(subtitle);
    data_.convention =
        options_.klom.convention == KlomConvention::corrected ? "corrected" : "easydub";
    SettingsGroup machine{"Versions and machine", {}};
    for (const auto& [name, value] : describe_environment())
      machine.values.push_back({name, value});
    data_.settings.push_back(std::move(machine));
  }

  void begin(std::string name, const py::object& forget, const py::object& oracles,
             std::string description) {
    finish();
    forget_ = indices_of(forget, "forget");
    oracles_ = tensor_of(oracles, "oracles");
    methods_.clear();
    section_ = ForgetSetSection{};
    section_->name = std::move(name);
    section_->description = std::move(description);
    section_->indices = forget_;
  }

  void add(std::string method, const std::string& role, const py::object& margins,
           std::optional<double> cost_share, std::string note) {
    if (!section_) fail<InputError>("report: forget_set() required before method()");
    MethodRow row{std::move(method), std::move(note), role_of(role), {}, cost_share};
    const auto of_models = tensor_of(margins, "margins");
    methods_.push_back(computed([&] {
      return compare_with_oracles(std::move(row), of_models, oracles_, n_, forget_, options_.klom,
                                  options_.resampling);
    }));
    const int64_t models = std::min(of_models.size(0), oracles_.size(0));
    data_.models_a_side = data_.models_a_side == 0 ? models : std::min(data_.models_a_side, models);
  }

  void up_front(int64_t models, double trainings) {
    data_.up_front = UpFrontCost{models, trainings};
  }
  void settings(std::string heading, const Texts& values) {
    SettingsGroup group{std::move(heading), {}};
    for (const auto& [name, value] : values) group.values.push_back({name, value});
    data_.settings.insert(data_.settings.end() - 1, std::move(group));
  }

  const ReportData& data() {
    finish();
    return data_;
  }

  std::string text() {
    std::string text;
    for (const auto& section : data().forget_sets) {
      text += fmt::format("{}: {} forgotten; KLoM in nats, 95th percentile over points\n{}\n",
                          section.name, counted(std::ssize(section.indices), "example"),
                          method_table(section).text());
    }
    return text + plain(headline(data_));
  }

 private:
  // The forget set that methods were added to, if there is one, becomes part of the report.
  void finish() {
    if (!section_) return;
    const auto floor = std::find_if(methods_.begin(), methods_.end(), [](const auto& method) {
      return method.row.role == MethodRole::floor;
    });
    if (floor == methods_.end())
      fail<InputError>(
          "report: {}: a method with the role floor required (other oracles), got none",
          section_->name);
    section_->floor_p95 = floor->row.klom.all.p95;
    for (const auto& method : methods_) section_->rows.push_back(method.row);
    section_->examples = margin_examples(
        methods_, oracles_, n_, forget_, [](int64_t) { return std::string(); },
        [](int64_t) { return torch::Tensor(); });
    data_.forget_sets.push_back(std::move(*section_));
    section_.reset();
    if (!klom_is_stable(data_.models_a_side, data_.models_a_side)) {
      data_.warnings = {fmt::format(
          "KLoM is stable from about 80 models a side; here are {}. Compare with the floor only.",
          data_.models_a_side)};
    }
  }

  int64_t n_;
  SummaryOptions options_;
  ReportData data_;
  std::vector<int64_t> forget_;
  torch::Tensor oracles_;
  std::vector<ComparedMethod> methods_;
  std::optional<ForgetSetSection> section_;
};

}  // namespace

void register_report(py::module_& module) {
  SummaryOptions options;
  py::class_<Report>(module, "Report",
                     documented("Report", "title, n, *, subtitle=''", options_of(options),
                                "Methods compared with oracles, as a table and as a page that "
                                "needs nothing else. n: training\n"
                                "examples, the first points of all margins. For each forget set "
                                "call forget_set(), then method()\n"
                                "for every method, the floor among them.")
                         .c_str())
      .def(py::init([](std::string title, int64_t n, std::string subtitle,
                       const py::kwargs& keywords) {
             return std::make_unique<Report>(std::move(title), n, std::move(subtitle), keywords);
           }),
           py::arg("title"), py::arg("n"), py::kw_only(), py::arg("subtitle") = "",
           documented("__init__", "self, title, n, *, subtitle=''", options_of(options),
                      "Options by name.")
               .c_str())
      .def("forget_set", &Report::begin, py::arg("name"), py::arg("forget"), py::arg("oracles"),
           py::kw_only(), py::arg("description") = "",
           documented("forget_set", "self, name, forget, oracles, *, description=''",
                      "Begins a forget set: its indices, and the margins (No, m) float32 of the "
                      "oracles that judge.")
               .c_str())
      .def("method", &Report::add, py::arg("name"), py::arg("role"), py::arg("margins"),
           py::kw_only(), py::arg("cost_share") = py::none(), py::arg("note") = "",
           documented("method", "self, name, role, margins, *, cost_share=None, note=''",
                      "Adds a method's margins (N, m) float32 on the forget set begun last. role: "
                      "nothing, prediction,\n"
                      "unlearner, baseline, reference or floor (other oracles). cost_share: work "
                      "of one request as a\n"
                      "share of one training.")
               .c_str())
      .def("up_front", &Report::up_front, py::arg("models"), py::arg("trainings"),
           documented(
               "up_front", "self, models, trainings",
               "What was paid once: subset models, and their cost in trainings of the full model.")
               .c_str())
      .def("settings", &Report::settings, py::arg("heading"), py::arg("values"),
           documented("settings", "self, heading, values",
                      "A table of settings for the end of the page: dict of str.")
               .c_str())
      .def("text", &Report::text,
           documented("text", "self", "The tables and the result in a sentence, for a terminal.")
               .c_str())
      .def(
          "html", [](Report& self) { return render_html(self.data()); },
          documented("html", "self", "The page as one HTML text.").c_str())
      .def(
          "csv", [](Report& self) { return score_records(self.data()).csv(); },
          documented("csv", "self", "All numbers as CSV.").c_str())
      .def(
          "json", [](Report& self) { return results_json(self.data()); },
          documented("json", "self", "All numbers as JSON.").c_str())
      .def(
          "save",
          [](Report& self, const std::string& path) {
            write_file_atomically(path, render_html(self.data()));
          },
          py::arg("path"),
          documented("save", "self, path", "Writes the page, as a whole or not at all.").c_str())
      .def("__repr__", [](Report& self) { return self.text(); });
}

}  // namespace expunge::python
