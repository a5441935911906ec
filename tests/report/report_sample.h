// A small report with every part in it, for the tests.
#pragma once

#include <torch/types.h>

#include <optional>
#include <string>

#include "expunge/report/report_data.h"

namespace expunge {

inline GroupStatistic score(double p95, double low, double high, double mean, int64_t points) {
  GroupStatistic statistic;
  statistic.p95 = p95;
  statistic.p95_low = low;
  statistic.p95_high = high;
  statistic.mean = mean;
  statistic.points = points;
  return statistic;
}

inline MethodRow row(const std::string& method, MethodRole role, double forget, double retain,
                     double validation, std::optional<double> cost) {
  MethodRow result;
  result.method = method;
  result.note = "note on " + method;
  result.role = role;
  result.klom.forget = score(forget, forget * 0.9, forget * 1.1, forget / 2, 2);
  result.klom.retain = score(retain, retain * 0.9, retain * 1.1, retain / 2, 8);
  result.klom.validation = score(validation, validation * 0.9, validation * 1.1, validation / 2, 5);
  result.cost_share = cost;
  return result;
}

inline ForgetSetSection sample_section(const std::string& name) {
  ForgetSetSection section;
  section.name = name;
  section.description = "two examples";
  section.indices = {3, 7};
  section.floor_p95 = 0.5;
  section.rows = {row("do nothing", MethodRole::nothing, 10, 0.5, 0.45, 0),
                  row("dm-direct", MethodRole::prediction, 0.6, 0.5, 0.45, 0),
                  row("DMM", MethodRole::unlearner, 0.625, 0.55, 0.5, 0.042),
                  row("oracle matching", MethodRole::reference, 0.5, 0.5, 0.5, 0.042),
                  row("retraining", MethodRole::floor, 0.5, 0.5, 0.5, 1)};
  const torch::Tensor image = torch::arange(12).view({1, 3, 4}).to(torch::kUInt8);
  section.forgotten = {{3, "boot", image}, {7, "bag", image}};
  MarginExample example;
  example.point = 3;
  example.label = "boot";
  example.image = image;
  example.oracle = {-1, -0.5, 0, 0.5};
  example.series = {{"do nothing", MethodRole::nothing, {8, 9, 9, 10}, 10.5},
                    {"DMM", MethodRole::unlearner, {-1, 0, 0, 1}, 0.3}};
  section.examples = {example};
  return section;
}

inline ReportData sample_report() {
  ReportData data;
  data.title = "A report";
  data.subtitle = "ten examples";
  data.forget_sets = {sample_section("first")};
  data.models_a_side = 100;
  data.up_front = UpFrontCost{100, 80};
  data.penalty = PenaltyCurve{{1, 10, 100}, {1.05, 0.97, 1.0}, 10};
  data.settings = {{"Recipe", {{"epochs", "20"}}}};
  data.command = "expunge run a.toml\nexpunge report";
  return data;
}

}  // namespace expunge
