#include "expunge/core/error.h"
#include "expunge/pipeline/sweep.h"
#include "expunge/report/figure_plots.h"
#include "expunge/report/report_words.h"

namespace expunge {

FrontierPanelSet frontier_of(const ForgetSet& set, const std::vector<CellResult>& results) {
  FrontierPanelSet panels;
  panels.forget_set = set.config.name;
  panels.description = set.config.description;
  for (const auto& r : results) {
    if (r.forget_set != set.config.name || !r.diverged.empty()) continue;
    if (r.role == MethodRole::floor) panels.floor = r.klom.all.p95;
    const auto label = r.subset_models == 0
                           ? r.cell.method
                           : fmt::format("{} ({})", r.cell.method, count_text(r.subset_models));
    panels.cells.push_back({label, r.role, r.cell.varied, r.cost_share, r.average(),
                            r.klom.forget.p95, r.klom.retain.p95, r.klom.validation.p95,
                            r.best_by_oracles});
  }
  return panels;
}

std::string sweep_picture(const ForgetSet& set, const std::vector<CellResult>& results) {
  return SvgCanvas::file(
      frontier_pictures(frontier_of(set, results)), 3,
      fmt::format("{} ({} examples): KLoM against cost", set.config.name, set.indices.size()));
}

}  // namespace expunge
