// Figure 4: margins of null, oracle and dm-direct models.
#include "expunge/evaluate/klom.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/datamodels.h"
#include "expunge/pipeline/figure_parts.h"
#include "expunge/report/report_plots.h"
#include "expunge/report/report_words.h"

namespace expunge::figures {
namespace {

constexpr int64_t kPointsAGroup = 6;

}  // namespace

MadeFigure margin_examples(const Experiment& experiment, const FigureSpec& spec) {
  MadeFigure figure;
  auto& section = figure.section;
  section.id = spec.name;
  section.heading = "Figure 4: datamodels predict what oracles give";
  section.caption = fmt::format(
      "Margins of {} random forgotten and as many random retained points over models: full models "
      "(null) and dm-direct, each with the outline of the oracles.",
      kPointsAGroup);
  const auto& labels = experiment.problem().labels;
  const auto full = experiment.open_store("full", "train").logits();
  const auto null_margins = margins(full, labels, experiment.workers());
  TextTable records({{"forget_set", Align::left},
                     {"group", Align::left},
                     {"point"},
                     {"models", Align::left},
                     {"row"},
                     {"margin"}});
  for (const auto& set : experiment.forget_sets()) {
    const auto oracles = experiment.judging_margins(set);
    const auto shift = read_shift(experiment, set, "") * experiment.config().evaluation.multiplier;
    const auto direct = shifted_margins(full, shift, labels, experiment.workers());
    const auto& options = experiment.config().evaluation.klom;
    const auto null_klom = klom(null_margins, oracles, options);
    const auto direct_klom = klom(direct, oracles, options);
    for (const auto group : {PointGroup::forget, PointGroup::retain}) {
      const auto points = points_of(experiment, set, group);
      std::vector<SvgCanvas> pictures;
      for (const int64_t point :
           drawn_points(experiment, "margins of " + group_name(group), points, kPointsAGroup)) {
        MarginExample example;
        example.point = point;
        example.group = group;
        example.oracle = margins_of_point(oracles, point);
        example.series = {{"null", MethodRole::nothing, margins_of_point(null_margins, point),
                           null_klom[point].item<double>()},
                          {"dm-direct", MethodRole::prediction, margins_of_point(direct, point),
                           direct_klom[point].item<double>()}};
        pictures.push_back(margin_picture(example, fmt::format("point {}", point)));
        const auto record = [&](const char* models, const std::vector<float>& values) {
          for (size_t row = 0; row < values.size(); ++row) {
            records.add_row({set.config.name, group_name(group), fmt::format("{}", point), models,
                             fmt::format("{}", row), fmt::format("{}", values[row])});
          }
        };
        record("oracle", example.oracle);
        for (const auto& series : example.series) record(series.method.c_str(), series.margins);
      }
      const auto index = torch::tensor(points, torch::kInt64);
      section.sentence += fmt::format(
          "{}On {} of {}, mean KLoM falls from {} to {}.", section.sentence.empty() ? "" : " ",
          group == PointGroup::forget ? "the forgotten points" : "the retained points",
          set.config.name, klom_text(null_klom.index_select(0, index).mean().item<double>()),
          klom_text(direct_klom.index_select(0, index).mean().item<double>()));
      add_panels(figure, spec.name, fmt::format("{}-{}", set.config.name, group_name(group)),
                 fmt::format("{}, {}", set.config.name,
                             group == PointGroup::forget ? "forgotten points" : "retained points"),
                 std::move(pictures));
    }
  }
  add_csv(figure, spec.name, records.csv());
  return figure;
}

}  // namespace expunge::figures
