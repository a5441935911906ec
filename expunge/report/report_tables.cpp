#include "expunge/report/report_tables.h"

#include "expunge/core/error.h"
#include "expunge/report/report_words.h"

namespace expunge {
namespace {

std::string p95_text(const GroupStatistic& score) {
  if (score.points == 0) return "-";
  std::string p95 = klom_text(score.p95);
  if (!has_interval(score)) return p95;
  return fmt::format("{} ({}-{})", p95, klom_text(score.p95_low), klom_text(score.p95_high));
}

std::string mean_text(const GroupStatistic& score) {
  return score.points == 0 ? "-" : klom_text(score.mean);
}

}  // namespace

TextTable method_table(const ForgetSetSection& section) {
  TextTable table({{"method", Align::left},
                   {"cost"},
                   {"forget P95"},
                   {"retain P95"},
                   {"validation P95"},
                   {"mean (f, r, v)"}});
  for (const auto& row : section.rows) {
    const KlomSummary& klom = row.klom;
    table.add_row({row.method, row.cost_share ? share_text(*row.cost_share) : "-",
                   p95_text(klom.forget), p95_text(klom.retain), p95_text(klom.validation),
                   fmt::format("{}, {}, {}", mean_text(klom.forget), mean_text(klom.retain),
                               mean_text(klom.validation))});
  }
  return table;
}

TextTable score_records(const ReportData& data) {
  TextTable table({{"forget_set", Align::left},
                   {"method", Align::left},
                   {"role", Align::left},
                   {"group", Align::left},
                   {"p95"},
                   {"p95_low"},
                   {"p95_high"},
                   {"mean"},
                   {"cost_share"},
                   {"floor_p95"}});
  for (const auto& section : data.forget_sets) {
    for (const auto& row : section.rows) {
      for (const auto group : {PointGroup::forget, PointGroup::retain, PointGroup::validation}) {
        const GroupStatistic& score = score_of(row, group);
        table.add_row({section.name, row.method, role_name(row.role), group_name(group),
                       digits_text(score.p95), digits_text(score.p95_low),
                       digits_text(score.p95_high), digits_text(score.mean),
                       row.cost_share ? digits_text(*row.cost_share) : "",
                       digits_text(section.floor_p95)});
      }
    }
  }
  return table;
}

std::string role_name(MethodRole role) {
  switch (role) {
    case MethodRole::nothing:
      return "nothing";
    case MethodRole::prediction:
      return "prediction";
    case MethodRole::unlearner:
      return "unlearner";
    case MethodRole::baseline:
      return "baseline";
    case MethodRole::reference:
      return "reference";
    case MethodRole::floor:
      return "floor";
  }
  fail<InputError>("method role: expected one of the enumeration, got {}", static_cast<int>(role));
}

}  // namespace expunge
