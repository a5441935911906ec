#include "expunge/report/forecast_section.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "expunge/report/forecast_plot.h"
#include "expunge/report/page_html.h"

namespace expunge {
namespace {

constexpr std::array<PointGroup, 3> kForecastGroups = {PointGroup::forget, PointGroup::retain,
                                                       PointGroup::validation};

std::string interval_words(const ForecastInterval& interval) {
  if (!std::isfinite(interval.median)) return "-";
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", interval.median, interval.low, interval.high);
}

bool is_measured(const ForecastSection& section) {
  return std::any_of(section.rows.begin(), section.rows.end(),
                     [](const ForecastRow& row) { return row.measured[0].has_value(); });
}

}  // namespace

TextTable forecast_table(const ForecastSection& section) {
  const bool measured = is_measured(section);
  std::vector<TableColumn> columns = {
      {"forget set", Align::left}, {"method", Align::left}, {"examples"}, {"multiplier"}};
  for (const auto group : kForecastGroups) {
    columns.push_back({group_name(group)});
    if (measured) columns.push_back({"measured"});
  }
  TextTable table(columns);
  for (const auto& row : section.rows) {
    std::vector<std::string> cells = {row.forget_set, row.method, fmt::format("{}", row.size),
                                      interval_words(row.multiplier)};
    for (size_t group = 0; group < 3; ++group) {
      cells.push_back(interval_words(row.forecast[group]));
      if (measured)
        cells.push_back(row.measured[group] ? fmt::format("{:.2f}", *row.measured[group]) : "-");
    }
    table.add_row(std::move(cells));
  }
  return table;
}

std::vector<SvgCanvas> forecast_pictures(const ForecastSection& section) {
  const bool several =
      std::any_of(section.rows.begin(), section.rows.end(),
                  [&](const ForecastRow& row) { return row.method != section.rows[0].method; });
  std::vector<SvgCanvas> pictures;
  for (size_t group = 0; group < 3; ++group) {
    std::vector<ForecastMark> marks;
    for (const auto& row : section.rows) {
      if (!row.measured[group]) continue;
      const auto& told = row.forecast[group];
      marks.push_back({several ? row.forget_set + ", " + row.method : row.forget_set,
                       *row.measured[group], told.median, told.low, told.high});
    }
    if (!marks.empty()) pictures.push_back(forecast_picture(marks, kForecastGroups[group]));
  }
  return pictures;
}

std::string forecast_html(const ForecastSection& section) {
  std::string html = fmt::format(
      "<section>\n<h2>What was forecast without oracles</h2>\n<p>KLoM (95th percentile, nats) that "
      "{} oracles would "
      "measure, told from {} subset models and {} full models alone, with 95% intervals. The "
      "multiplier is what the "
      "predicted fall of the forgotten examples' margins would have to be multiplied by.{}</p>\n",
      section.oracles, section.subset_models, section.full_models,
      is_measured(section)
          ? " Beside each forecast what came of it: on the dashed line both are equal."
          : "");
  std::vector<std::string> warnings;
  for (const auto& row : section.rows) {
    for (const auto& warning : row.warnings) {
      auto words = row.forget_set + ": " + warning;
      if (std::find(warnings.begin(), warnings.end(), words) == warnings.end())
        warnings.push_back(std::move(words));
    }
  }
  html += warnings_html(warnings);
  html += table_html(forecast_table(section), "forecast");
  const auto pictures = forecast_pictures(section);
  if (!pictures.empty()) {
    html += "<figure><div class=\"panels\">\n";
    for (const auto& picture : pictures) html += picture.embedded() + "\n";
    html += "</div></figure>\n";
  }
  return html + "</section>\n";
}

}  // namespace expunge
