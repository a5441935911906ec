#include "expunge/convex/convex_tables.h"

#include <cmath>

#include "expunge/report/report_words.h"

namespace expunge {
namespace {

std::string or_none(double value) {
  if (value == 0 || std::isnan(value)) return "-";
  return std::fabs(value) < 1e-14 ? "0" : short_number(value);
}

}  // namespace

std::string short_number(double value) {
  if (std::isnan(value)) return "-";
  if (value == 0) return "0";
  if (std::fabs(value) >= 1e-3 && std::fabs(value) < 1e5) return fmt::format("{:.3g}", value);
  return fmt::format("{:.2e}", value);
}

TextTable closed_form_table(const ConvexComparison& comparison) {
  TextTable table({{"closed form", Align::left}, {"distance"}, {"seconds"}});
  for (const auto& form : comparison.closed_forms) {
    table.add_row({form.name, short_number(form.distance),
                   form.seconds > 0 ? fmt::format("{:.2g}", form.seconds) : "0"});
  }
  return table;
}

TextTable rate_table(const ConvexComparison& comparison) {
  TextTable table({{"method", Align::left},
                   {"step"},
                   {"batch"},
                   {"smallest"},
                   {"largest"},
                   {"steps"},
                   {"distance"},
                   {"decay"},
                   {"predicted"},
                   {"bound"},
                   {"theory", Align::left}});
  for (const auto& curve : comparison.curves) {
    table.add_row(
        {curve.name, short_number(curve.step), curve.batch > 0 ? count_text(curve.batch) : "all",
         short_number(curve.smallest), short_number(curve.largest), count_text(curve.times.back()),
         short_number(curve.measured.back()), or_none(curve.measured_rate),
         or_none(curve.predicted_rate), or_none(curve.bound_rate), theory_name(curve.theory)});
  }
  return table;
}

TextTable ball_table(const ConvexComparison& comparison) {
  TextTable table({{"step"},
                   {"steps"},
                   {"squared distance"},
                   {"standard error"},
                   {"predicted"},
                   {"limit for small steps"},
                   {"bound"}});
  for (const auto& ball : comparison.balls) {
    table.add_row({short_number(ball.step), count_text(ball.steps), short_number(ball.measured),
                   short_number(ball.error), short_number(ball.predicted),
                   short_number(ball.first_order), short_number(ball.bound)});
  }
  return table;
}

TextTable curve_table(const ConvexComparison& comparison) {
  TextTable table({{"method", Align::left},
                   {"step"},
                   {"distance"},
                   {"standard_error"},
                   {"predicted"},
                   {"bound"}});
  for (const auto& curve : comparison.curves) {
    for (size_t i = 0; i < curve.times.size(); ++i) {
      const auto at = [&](const std::vector<double>& values) {
        return i < values.size() ? fmt::format("{}", values[i]) : "";
      };
      table.add_row({curve.name, fmt::format("{}", curve.times[i]), at(curve.measured),
                     at(curve.error), at(curve.predicted), at(curve.bound)});
    }
  }
  return table;
}

}  // namespace expunge
