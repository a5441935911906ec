// KLoM beside U-LiRA, all forget sets of an experiment together.
#include <algorithm>

#include "expunge/evaluate/ulira.h"
#include "expunge/pipeline/figure_parts.h"
#include "expunge/pipeline/sweep.h"
#include "expunge/report/figure_plots.h"
#include "expunge/report/figure_tables.h"
#include "expunge/report/report_words.h"

namespace expunge::figures {

MadeFigure attacks(const Experiment& experiment, const FigureSpec& spec, const SweepConfig& sweep) {
  const auto results = sweep_results(experiment, sweep);
  // Methods in the order in which they stand; each is judged by its best cell on each set.
  std::vector<std::string> methods;
  for (const auto& r : results) {
    if (std::find(methods.begin(), methods.end(), r.cell.method) == methods.end())
      methods.push_back(r.cell.method);
  }
  MadeFigure figure;
  auto& section = figure.section;
  section.id = spec.name;
  section.heading = "KLoM beside the U-LiRA attack";
  std::vector<AgreementPoint> points;
  std::vector<RocCurve> curves;
  TextTable table({{"method", Align::left},
                   {"accuracy"},
                   {"95% (binomial)"},
                   {"standard error"},
                   {"AUC"},
                   {"found at 1%"},
                   {"KLoM, mean"}});
  int64_t examples = 0;
  int64_t decisions = 0;
  for (const auto& method : methods) {
    std::vector<UliraScores> scores;
    double klom = 0;
    double weight = 0;
    MethodRole role = MethodRole::baseline;
    for (const auto& r : results) {
      if (r.cell.method != method || !r.best_by_oracles) continue;
      scores.push_back(r.scores);
      const auto count = static_cast<double>(r.klom.forget.points);
      klom += r.klom.forget.mean * count;
      weight += count;
      role = r.role;
    }
    if (scores.empty()) continue;
    const auto attack = summarise_ulira(scores);
    examples = attack.examples;
    decisions = attack.decisions;
    const auto name = role == MethodRole::floor ? "retraining (the control)" : method;
    points.push_back({name, role, "all", klom / weight, attack.accuracy, attack.accuracy_low,
                      attack.accuracy_high});
    RocCurve curve{name, role, {}, {}};
    for (const auto& at : attack.roc) {
      curve.false_positive.push_back(at.false_positive_rate);
      curve.true_positive.push_back(at.true_positive_rate);
    }
    curves.push_back(std::move(curve));
    table.add_row(
        {name, share_text(attack.accuracy),
         fmt::format("{} to {}", share_text(attack.accuracy_low), share_text(attack.accuracy_high)),
         share_text(attack.standard_error), fmt::format("{:.3f}", attack.auc),
         share_text(attack.tpr_at_1_percent), klom_text(klom / weight)});
  }
  section.sentence = fmt::format(
      "An attacker who knows both distributions tells unlearned models from oracles on {} "
      "forgotten examples of {} sets; 50% is guessing. Methods with a low KLoM are those that the "
      "attack cannot tell.",
      examples, experiment.forget_sets().size());
  section.caption = fmt::format(
      "Half of the models fit a Gaussian to each example and side, the other half is attacked: {} "
      "decisions. Bars are 95% binomial intervals; the standard error in the table counts models, "
      "whose decisions go together. Every baseline by its best cell on each set.",
      count_text(decisions));
  section.tables.push_back({"", std::move(table)});
  MethodStyles styles;
  add_panels(figure, spec.name, "agreement", "U-LiRA and KLoM",
             {agreement_picture(points, styles), roc_picture(curves, styles)});
  add_csv(figure, spec.name, agreement_csv(points));
  figure.files.push_back({spec.name + "-roc.csv", roc_csv(curves)});
  section.files.push_back("figures/" + spec.name + "-roc.csv");
  return figure;
}

}  // namespace expunge::figures
