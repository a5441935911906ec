// What a rehearsal shows: tables and pictures.

#include <algorithm>
#include <map>

#include "expunge/desk/rehearsal.h"
#include "expunge/report/klom_axes.h"
#include "expunge/report/plot_key.h"
#include "expunge/report/svg_plot.h"

namespace expunge::desk {
namespace {

constexpr double kPictureWidth = 340;

std::string interval_words(const ForecastInterval& interval) {
  return fmt::format("{:.2f} ({:.2f} to {:.2f})", interval.median, interval.low, interval.high);
}

bool is_within(double value, const ForecastInterval& interval) {
  return value >= interval.low && value <= interval.high;
}

MethodStyle style_of(const std::string& way) {
  if (way == "newest") return {Ink::unlearned, Marker::circle, false};
  if (way == "over") return {Ink::full, Marker::square, false};
  return {Ink::predicted, Marker::diamond, true};
}

SvgCanvas picture_of(const Rehearsal& rehearsal, const std::string& heading,
                     double WayResult::*number) {
  PlotOptions options;
  options.width = kPictureWidth;
  options.heading = heading;
  options.title = heading + ": KLoM against the number of requests";
  std::vector<double> values;
  double last = 1;
  for (const auto& request : rehearsal.requests) {
    if (request.ways.empty()) continue;
    last = static_cast<double>(request.number);
    values.push_back(*request.floor);
    for (const auto& way : request.ways) {
      if (way.way != "nothing") values.push_back(way.*number);
      options.description +=
          fmt::format("{} after {}: {:.2f}. ", way.way, request.number, way.*number);
    }
  }
  options.x = {"requests", AxisScale::linear(0, last), TickFormat::number, 4};
  options.y = {"KLoM P95 (nats)",
               AxisScale::nice_linear(0, *std::max_element(values.begin(), values.end())),
               TickFormat::number, 5};
  SvgPlot plot(options);
  std::vector<double> xs, floors;
  std::map<std::string, std::vector<double>> ys;
  for (const auto& request : rehearsal.requests) {
    if (request.ways.empty()) continue;
    xs.push_back(static_cast<double>(request.number));
    floors.push_back(*request.floor);
    for (const auto& way : request.ways) ys[way.way].push_back(way.*number);
  }
  plot.line(xs, floors, Ink::oracle, LineWeight::dashed);
  for (const char* way : {"prediction", "over", "newest"}) {
    const auto style = style_of(way);
    plot.line(xs, ys[way], style.ink, LineWeight::thin);
    for (size_t i = 0; i < xs.size(); ++i)
      plot.mark(xs[i], ys[way][i], {style.ink, style.marker, style.hollow});
  }
  return plot.picture();
}

}  // namespace

TextTable rehearsal_table(const Rehearsal& rehearsal) {
  TextTable table({{"requests"},
                   {"removed"},
                   {"way", Align::left},
                   {"removed, all"},
                   {"removed, newest request"},
                   {"retained"},
                   {"validation"},
                   {"sample gradients, all requests"}});
  for (const auto& request : rehearsal.requests) {
    for (const auto& way : request.ways) {
      table.add_row({fmt::to_string(request.number), fmt::to_string(request.removed), way.way,
                     fmt::format("{:.3f}", way.forget), fmt::format("{:.3f}", way.newest),
                     fmt::format("{:.3f}", way.retain), fmt::format("{:.3f}", way.validation),
                     fmt::format("{:.0f}", way.work)});
    }
    if (request.floor) {
      const auto floor = fmt::format("{:.3f}", *request.floor);
      table.add_row({fmt::to_string(request.number), fmt::to_string(request.removed),
                     "retraining (floor)", floor, floor, floor, floor, ""});
    }
  }
  return table;
}

TextTable coverage_table(const Rehearsal& rehearsal) {
  TextTable table({{"requests"},
                   {"points", Align::left},
                   {"count"},
                   {"KLoM, predicted"},
                   {"prediction"},
                   {"newest"},
                   {"error of margins, predicted"},
                   {"prediction"},
                   {"newest"}});
  for (const auto& c : rehearsal.coverage) {
    table.add_row({fmt::to_string(c.removed_requests), c.group, fmt::to_string(c.examples),
                   interval_words(c.klom), fmt::format("{:.3f}", c.prediction_klom),
                   fmt::format("{:.3f}", c.newest_klom), interval_words(c.error),
                   fmt::format("{:.3f}", c.prediction_error),
                   fmt::format("{:.3f}", c.newest_error)});
  }
  return table;
}

TextTable coverage_summary(const Rehearsal& rehearsal) {
  struct Measured {
    const char* name;
    ForecastInterval Coverage::*interval;
    double Coverage::*value;
  };
  const std::vector<Measured> measured = {
      {"KLoM, prediction", &Coverage::klom, &Coverage::prediction_klom},
      {"KLoM, newest", &Coverage::klom, &Coverage::newest_klom},
      {"error of margins, prediction", &Coverage::error, &Coverage::prediction_error},
      {"error of margins, newest", &Coverage::error, &Coverage::newest_error}};
  TextTable table({{"measured", Align::left},
                   {"points", Align::left},
                   {"intervals"},
                   {"within"},
                   {"at or below the upper end"}});
  for (const auto& [name, interval, value] : measured) {
    for (const char* group : {"removed", "retained and validation"}) {
      const bool removed = std::string(group) == "removed";
      int64_t count = 0, within = 0, below = 0;
      for (const auto& c : rehearsal.coverage) {
        if (c.group.starts_with("request") != removed) continue;
        ++count;
        within += is_within(c.*value, c.*interval) ? 1 : 0;
        below += c.*value <= (c.*interval).high ? 1 : 0;
      }
      if (count == 0) continue;
      const auto share = [count](int64_t some) {
        return fmt::format("{} ({:.0f}%)", some,
                           100.0 * static_cast<double>(some) / static_cast<double>(count));
      };
      table.add_row({name, group, fmt::to_string(count), share(within), share(below)});
    }
  }
  return table;
}

std::vector<SvgCanvas> rehearsal_pictures(const Rehearsal& rehearsal) {
  const auto entry = [](const char* text, const char* way) {
    return KeyEntry{text, KeySample::mark, style_of(way)};
  };
  return {picture_of(rehearsal, "Removed examples", &WayResult::forget),
          picture_of(rehearsal, "Retained examples", &WayResult::retain),
          picture_of(rehearsal, "Validation points", &WayResult::validation),
          key_picture({entry("from the newest model", "newest"),
                       entry("over from the original", "over"),
                       entry("prediction", "prediction"),
                       {"retraining", KeySample::thin_line, {Ink::oracle, Marker::circle, false}}},
                      kPictureWidth, "Key", "key to the ways of removing")};
}

}  // namespace expunge::desk
