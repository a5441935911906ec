#include "expunge/report/report_data.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

void require_finite(double value, const std::string& what) {
  if (!std::isfinite(value)) {
    fail<NonFiniteError>("report: {}: expected a finite number, got {}", what, value);
  }
}

void require_finite(const std::vector<float>& values, const std::string& what) {
  for (size_t i = 0; i < values.size(); ++i) {
    require_finite(values[i], fmt::format("{}, model {}", what, i));
  }
}

void check_row(const MethodRow& row, const std::string& where) {
  for (const auto group : {PointGroup::forget, PointGroup::retain, PointGroup::validation}) {
    const GroupStatistic& score = score_of(row, group);
    if (score.points == 0) continue;
    const std::string what = fmt::format("{}, KLoM on {}", where, group_name(group));
    require_finite(score.p95, what + ", P95");
    require_finite(score.mean, what + ", mean");
    if (!has_interval(score)) continue;
    require_finite(score.p95_low, what + ", lower end of the interval");
    require_finite(score.p95_high, what + ", upper end of the interval");
    if (score.p95_low > score.p95_high) {
      fail<InputError>("report: {}: expected an interval from low to high, got [{}, {}]", what,
                       score.p95_low, score.p95_high);
    }
  }
  if (!row.cost_share) return;
  require_finite(*row.cost_share, where + ", cost");
  if (*row.cost_share < 0) {
    fail<InputError>("report: {}, cost: expected a share of a training >= 0, got {}", where,
                     *row.cost_share);
  }
}

void check_example(const MarginExample& example, const std::string& section) {
  const std::string where = fmt::format("{}, margins of point {}", section, example.point);
  if (example.oracle.empty()) {
    fail<InputError>("report: {}: expected at least one oracle, got none", where);
  }
  require_finite(example.oracle, where + ", oracles");
  for (const auto& series : example.series) {
    require_finite(series.margins, where + ", " + series.method);
    if (series.klom) require_finite(*series.klom, where + ", KLoM of " + series.method);
  }
}

void check_penalty(const PenaltyCurve& curve) {
  if (curve.lambda.empty() || curve.lambda.size() != curve.error.size()) {
    fail<InputError>("report: penalty curve: expected an error for each lambda, got {} for {}",
                     curve.error.size(), curve.lambda.size());
  }
  for (size_t i = 0; i < curve.lambda.size(); ++i) {
    require_finite(curve.lambda[i], "penalty curve, lambda");
    require_finite(curve.error[i], "penalty curve, error");
    if (curve.lambda[i] <= (i == 0 ? 0 : curve.lambda[i - 1])) {
      fail<InputError>("report: penalty curve: expected ascending lambda > 0, got {} at {}",
                       curve.lambda[i], i);
    }
    if (curve.error[i] < 0) {
      fail<InputError>("report: penalty curve: expected errors >= 0, got {}", curve.error[i]);
    }
  }
  if (std::find(curve.lambda.begin(), curve.lambda.end(), curve.chosen) == curve.lambda.end()) {
    fail<InputError>("report: penalty curve: expected the chosen lambda in the curve, got {}",
                     curve.chosen);
  }
}

}  // namespace

std::optional<int64_t> requests_until_paid(double trainings, double cost_share) {
  if (!(cost_share < 1) || !(trainings >= 0)) return std::nullopt;
  return static_cast<int64_t>(std::ceil(trainings / (1 - cost_share) * (1 - 1e-12)));
}

const MethodRow* find_row(const ForgetSetSection& section, MethodRole role) {
  const auto row = std::find_if(section.rows.begin(), section.rows.end(),
                                [role](const MethodRow& r) { return r.role == role; });
  return row == section.rows.end() ? nullptr : &*row;
}

const GroupStatistic& score_of(const MethodRow& row, PointGroup group) {
  switch (group) {
    case PointGroup::forget:
      return row.klom.forget;
    case PointGroup::retain:
      return row.klom.retain;
    case PointGroup::validation:
      return row.klom.validation;
  }
  fail<InputError>("point group: expected forget, retain or validation, got {}",
                   static_cast<int>(group));
}

bool has_interval(const GroupStatistic& score) {
  return !(std::isnan(score.p95_low) && std::isnan(score.p95_high));
}

std::string group_name(PointGroup group) {
  switch (group) {
    case PointGroup::forget:
      return "forget";
    case PointGroup::retain:
      return "retain";
    case PointGroup::validation:
      return "validation";
  }
  fail<InputError>("point group: expected forget, retain or validation, got {}",
                   static_cast<int>(group));
}

void check(const ReportData& data) {
  for (const auto& section : data.forget_sets) {
    if (section.rows.empty()) {
      fail<InputError>("report: forget set {}: expected at least one method, got none",
                       section.name);
    }
    require_finite(section.floor_p95, section.name + ", floor");
    if (section.floor_p95 < 0) {
      fail<InputError>("report: {}, floor: expected >= 0, got {}", section.name, section.floor_p95);
    }
    for (const auto& row : section.rows) check_row(row, section.name + ", " + row.method);
    for (const auto& example : section.examples) check_example(example, section.name);
  }
  if (data.up_front) {
    require_finite(data.up_front->trainings, "up-front cost");
    if (data.up_front->trainings < 0) {
      fail<InputError>("report: up-front cost: expected trainings >= 0, got {}",
                       data.up_front->trainings);
    }
  }
  if (data.penalty) check_penalty(*data.penalty);
}

}  // namespace expunge
