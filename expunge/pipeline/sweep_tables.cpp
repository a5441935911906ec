// The tables of a sweep.
#include <nlohmann/json.hpp>

#include "expunge/core/json_number.h"
#include "expunge/pipeline/sweep.h"
#include "expunge/pipeline/unlearned_store.h"
#include "expunge/report/report_tables.h"
#include "expunge/report/report_words.h"

namespace expunge {
namespace {

using Json = nlohmann::ordered_json;

// A result as names and values, in the order of the table's columns.
Json cell_record_of(const CellResult& r) {
  Json record = {{"forget_set", r.forget_set},
                 {"method", r.cell.method},
                 {"role", role_name(r.role)},
                 {"settings", r.cell.varied},
                 {"subset_models", r.subset_models == 0 ? Json() : Json(r.subset_models)},
                 {"diverged", r.diverged},
                 {"best_by_oracles", r.best_by_oracles},
                 {"best_without_oracles", r.best_without_oracles}};
  const bool measured = r.diverged.empty();
  const auto add = [&](const char* name, double value) {
    record[name] = measured ? json_number(value) : Json();
  };
  add("cost_share", r.cost_share);
  add("sample_gradients", r.sample_gradients);
  add("seconds_a_model", r.seconds);
  add("klom_p95_average", r.average());
  add("klom_p95_forget", r.klom.forget.p95);
  add("klom_p95_retain", r.klom.retain.p95);
  add("klom_p95_validation", r.klom.validation.p95);
  add("klom_mean_forget", r.klom.forget.mean);
  add("klom_mean_retain", r.klom.retain.mean);
  add("klom_mean_validation", r.klom.validation.mean);
  add("loss_forget", r.losses.forget);
  add("loss_retain", r.losses.retain);
  add("loss_validation", r.losses.validation);
  add("attack_accuracy", r.attack.accuracy);
  add("attack_standard_error", r.attack.standard_error);
  add("attack_auc", r.attack.auc);
  return record;
}

std::string cell_text(const Json& value) {
  if (value.is_null()) return "";
  if (value.is_boolean()) return value.get<bool>() ? "1" : "0";
  if (value.is_number_integer()) return fmt::format("{}", value.get<int64_t>());
  if (value.is_string()) return value.get<std::string>();
  return fmt::format("{}", value.get<double>());
}

}  // namespace

std::string sweep_csv(const std::vector<CellResult>& results) {
  std::vector<TableColumn> columns;
  const Json names = cell_record_of({});
  for (const auto& [name, unused] : names.items()) columns.push_back({name});
  TextTable table(columns);
  for (const auto& result : results) {
    std::vector<std::string> cells;
    const Json record = cell_record_of(result);
    for (const auto& [name, value] : record.items()) cells.push_back(cell_text(value));
    table.add_row(std::move(cells));
  }
  return table.csv();
}

std::string sweep_json(const std::vector<CellResult>& results) {
  Json records = Json::array();
  for (const auto& result : results) {
    Json record = cell_record_of(result);
    record["options"] = result.cell.settings();
    records.push_back(std::move(record));
  }
  return records.dump(2) + "\n";
}

TextTable sweep_table(const std::vector<CellResult>& results, const std::string& forget_set) {
  TextTable table({{"method", Align::left},
                   {"settings", Align::left},
                   {"chosen", Align::left},
                   {"models"},
                   {"cost"},
                   {"forget"},
                   {"retain"},
                   {"validation"},
                   {"average"},
                   {"attack"}});
  for (const auto& r : results) {
    if (r.forget_set != forget_set || (!r.best_by_oracles && !r.best_without_oracles)) continue;
    const char* chosen = r.best_by_oracles && r.best_without_oracles ? "both ways"
                         : r.best_by_oracles                         ? "by oracles"
                                                                     : "without oracles";
    table.add_row({r.cell.method, r.cell.varied, chosen,
                   r.subset_models == 0 ? "" : count_text(r.subset_models),
                   share_text(r.cost_share), klom_text(r.klom.forget.p95),
                   klom_text(r.klom.retain.p95), klom_text(r.klom.validation.p95),
                   klom_text(r.average()), share_text(r.attack.accuracy)});
  }
  return table;
}

}  // namespace expunge
