// Figures 1 and 3: KLoM against cost.
#include "expunge/core/error.h"
#include "expunge/pipeline/figure_parts.h"
#include "expunge/pipeline/sweep.h"
#include "expunge/report/figure_plots.h"
#include "expunge/report/figure_tables.h"
#include "expunge/report/report_words.h"

namespace expunge::figures {
namespace {

const FrontierCell* best_of(const FrontierPanelSet& set, MethodRole role) {
  const FrontierCell* best = nullptr;
  for (const auto& cell : set.cells) {
    if (cell.role == role && (best == nullptr || cell.average < best->average)) best = &cell;
  }
  return best;
}

// One line for one forget set: the best of ours beside the best baseline.
std::string comparison(const FrontierPanelSet& set) {
  std::string text = set.forget_set + ":";
  for (const auto role : {MethodRole::unlearner, MethodRole::prediction, MethodRole::baseline,
                          MethodRole::reference}) {
    const auto* cell = best_of(set, role);
    if (cell == nullptr) continue;
    text += fmt::format(" {}{} {} on forgotten points and {} on average, at {} of a training;",
                        role == MethodRole::baseline ? "the best baseline, " : "", cell->method,
                        klom_text(cell->forget), klom_text(cell->average),
                        share_text(cell->cost_share));
  }
  return text + fmt::format(" the floor is {}.", klom_text(set.floor));
}

}  // namespace

MadeFigure frontiers(const Experiment& experiment, const FigureSpec& spec,
                     const SweepConfig& sweep) {
  const auto results = sweep_results(experiment, sweep);
  MadeFigure figure;
  auto& section = figure.section;
  section.id = spec.name;
  section.heading = spec.name == "figure-1" ? "Figure 1: KLoM against cost"
                                            : "Figure 3: oracle matching approaches retraining";
  section.caption =
      "KLoM P95 in nats against the cost of a request; down and to the left is better. Small marks "
      "are the other cells of the grid; the labelled one has the least average KLoM, which only "
      "those can choose who have the oracles. In brackets: the subset models that the datamodels "
      "were fitted on. The dashed line is the floor.";
  std::vector<FrontierPanelSet> sets;
  MethodStyles styles;
  for (const auto& set : experiment.forget_sets()) {
    sets.push_back(frontier_of(set, results));
    section.sentence += (section.sentence.empty() ? "" : " ") + comparison(sets.back());
    section.tables.push_back({set.config.name, sweep_table(results, set.config.name)});
    add_panels(figure, spec.name, set.config.name,
               fmt::format("{} ({} examples)", set.config.name, set.indices.size()),
               frontier_pictures(sets.back(), styles));
  }
  std::vector<std::string> diverged;
  for (const auto& r : results) {
    if (!r.diverged.empty())
      diverged.push_back(fmt::format("{} ({}) on {}", r.cell.method, r.cell.varied, r.forget_set));
  }
  if (!diverged.empty())
    section.caption += fmt::format(" Diverged and left out: {}.", fmt::join(diverged, "; "));
  add_csv(figure, spec.name, sweep_csv(results));
  return figure;
}

}  // namespace expunge::figures
