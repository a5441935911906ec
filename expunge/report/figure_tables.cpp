#include "expunge/report/figure_tables.h"

#include "expunge/report/report_tables.h"
#include "expunge/report/report_words.h"

namespace expunge {

TextTable frontier_table(const FrontierPanelSet& set) {
  check(set);
  TextTable table({{"method", Align::left},
                   {"cost"},
                   {"average"},
                   {"forget"},
                   {"retain"},
                   {"validation"},
                   {"settings", Align::left}});  // last: a phone shows the first ones
  for (const auto& cell : set.cells) {
    if (!cell.best) continue;
    table.add_row({cell.method, share_text(cell.cost_share), klom_text(cell.average),
                   klom_text(cell.forget), klom_text(cell.retain), klom_text(cell.validation),
                   cell.settings});
  }
  return table;
}

std::string frontier_csv(const std::vector<FrontierPanelSet>& sets) {
  TextTable table({{"forget_set"},
                   {"method"},
                   {"role"},
                   {"settings"},
                   {"cost_share"},
                   {"average"},
                   {"forget"},
                   {"retain"},
                   {"validation"},
                   {"best"},
                   {"floor"}});
  for (const auto& set : sets) {
    check(set);
    for (const auto& cell : set.cells) {
      table.add_row({set.forget_set, cell.method, role_name(cell.role), cell.settings,
                     digits_text(cell.cost_share), digits_text(cell.average),
                     digits_text(cell.forget), digits_text(cell.retain),
                     digits_text(cell.validation), cell.best ? "1" : "0", digits_text(set.floor)});
    }
  }
  return table.csv();
}

std::string trajectory_csv(const std::vector<TrajectoryPanel>& panels) {
  TextTable table({{"panel"}, {"group"}, {"point"}, {"overshoots"}, {"time"}, {"likelihood"}});
  for (const auto& panel : panels) {
    check(panel);
    for (const auto& point : panel.points) {
      for (size_t i = 0; i < panel.time.size(); ++i) {
        table.add_row({panel.heading, group_name(panel.group), fmt::format("{}", point.point),
                       point.overshoots ? "1" : "0", digits_text(panel.time[i]),
                       digits_text(point.likelihood[i])});
      }
    }
  }
  return table.csv();
}

std::string loss_csv(const std::vector<LossCurve>& curves) {
  TextTable table(
      {{"method"}, {"role"}, {"time"}, {"forget_loss"}, {"retain_loss"}, {"validation_loss"}});
  for (const auto& curve : curves) {
    check(curve);
    for (size_t i = 0; i < curve.time.size(); ++i) {
      table.add_row({curve.method, role_name(curve.role), digits_text(curve.time[i]),
                     digits_text(curve.forget_loss[i]), digits_text(curve.retain_loss[i]),
                     digits_text(curve.validation_loss[i])});
    }
  }
  return table.csv();
}

std::string agreement_csv(const std::vector<AgreementPoint>& points) {
  check(points);
  TextTable table(
      {{"method"}, {"role"}, {"forget_set"}, {"klom"}, {"attack_accuracy"}, {"low"}, {"high"}});
  for (const auto& point : points) {
    table.add_row({point.method, role_name(point.role), point.forget_set, digits_text(point.klom),
                   digits_text(point.attack_accuracy), digits_text(point.low),
                   digits_text(point.high)});
  }
  return table.csv();
}

std::string roc_csv(const std::vector<RocCurve>& curves) {
  check(curves);
  TextTable table({{"method"}, {"role"}, {"false_positive"}, {"true_positive"}});
  for (const auto& curve : curves) {
    for (size_t i = 0; i < curve.false_positive.size(); ++i) {
      table.add_row({curve.method, role_name(curve.role), digits_text(curve.false_positive[i]),
                     digits_text(curve.true_positive[i])});
    }
  }
  return table.csv();
}

}  // namespace expunge
