#include "expunge/report/count_curves.h"

#include <array>
#include <cmath>
#include <set>

#include "expunge/core/error.h"
#include "expunge/report/klom_axes.h"
#include "expunge/report/plot_key.h"
#include "expunge/report/report_words.h"
#include "expunge/report/svg_plot.h"

namespace expunge {
namespace {

constexpr double kCountWidth = 340;

MethodStyle curve_style(size_t curve) {
  static const std::array<MethodStyle, 7> styles = {{{Ink::muted, Marker::square, true},
                                                     {Ink::umber, Marker::triangle_down, true},
                                                     {Ink::indigo, Marker::cross, true},
                                                     {Ink::full, Marker::triangle, true},
                                                     {Ink::predicted, Marker::circle, true},
                                                     {Ink::unlearned, Marker::circle, false},
                                                     {Ink::muted, Marker::hourglass, true}}};
  return styles[curve % styles.size()];
}

std::set<int64_t> all_counts(const CountPanel& panel) {
  std::set<int64_t> counts;
  for (const auto& curve : panel.curves) {
    for (const auto& point : curve.points) counts.insert(point.models);
  }
  return counts;
}

// Curves whose marks would lie on each other stand side by side: each a little to the right of the
// one before, around the number itself.
double beside(int64_t models, size_t curve, size_t curves) {
  const double step = 0.02 * (static_cast<double>(curve) - static_cast<double>(curves - 1) / 2);
  return static_cast<double>(models) * std::exp(step);
}

}  // namespace

void check(const CountPanel& panel) {
  const std::string where = "number of models, " + panel.forget_set;
  if (panel.curves.empty())
    fail<InputError>("figure: {}: expected something to draw, got nothing", where);
  for (const double level : {panel.floor, panel.nothing}) {
    if (!std::isfinite(level))
      fail<NonFiniteError>("figure: {}: expected a finite level, got {}", where, level);
    if (level < 0) fail<InputError>("figure: {}: expected a level >= 0, got {}", where, level);
  }
  std::set<std::string> names;
  for (const auto& curve : panel.curves) {
    const std::string what = where + ", " + curve.estimator;
    if (!names.insert(curve.estimator).second)
      fail<InputError>("figure: {}: expected one curve, got two", what);
    if (curve.points.empty()) fail<InputError>("figure: {}: expected a point, got none", what);
    int64_t last = 1;
    for (const auto& p : curve.points) {
      if (!std::isfinite(p.low) || !std::isfinite(p.mean) || !std::isfinite(p.high)) {
        fail<NonFiniteError>("figure: {}: expected finite numbers, got {}, {}, {}", what, p.low,
                             p.mean, p.high);
      }
      if (p.models <= last) {
        fail<InputError>("figure: {}: expected ascending numbers of models, got {} after {}", what,
                         p.models, last);
      }
      last = p.models;
      if (p.low > p.mean || p.mean > p.high || p.parts < 1) {
        fail<InputError>(
            "figure: {}: expected low <= mean <= high of a part or more, got {}, {}, "
            "{} of {}",
            what, p.low, p.mean, p.high, p.parts);
      }
    }
  }
}

std::vector<SvgCanvas> count_pictures(const CountPanel& panel) {
  check(panel);
  std::vector<double> counts, scores = {panel.floor, panel.nothing};
  PlotOptions options;
  for (const auto& curve : panel.curves) {
    options.description += curve.estimator + ":";
    for (const auto& p : curve.points) {
      scores.push_back(p.low);
      scores.push_back(p.high);
      options.description += fmt::format(" {} with {},", klom_text(p.mean), count_text(p.models));
    }
    options.description.back() = '.';
    options.description += ' ';
  }
  for (const int64_t models : all_counts(panel)) counts.push_back(static_cast<double>(models));
  options.description += fmt::format("Floor: {}.", klom_text(panel.floor));
  options.width = kCountWidth;
  options.height = 360;
  options.title = fmt::format("{}: KLoM against the number of subset models", panel.forget_set);
  options.x = {"subset models", AxisScale::logarithmic(counts.front() * 0.8, counts.back() * 1.25),
               TickFormat::number, 6};
  options.y = klom_axis(klom_scale(scores));
  SvgPlot plot(options);
  plot.level(drawn_klom(panel.floor), Ink::oracle, "floor " + klom_text(panel.floor));
  plot.level(drawn_klom(panel.nothing), Ink::muted, "do nothing " + klom_text(panel.nothing));
  std::vector<KeyEntry> key;
  for (size_t i = 0; i < panel.curves.size(); ++i) {
    const auto& curve = panel.curves[i];
    const auto style = curve_style(i);
    std::vector<double> xs, ys;
    for (const auto& p : curve.points) {
      xs.push_back(beside(p.models, i, panel.curves.size()));
      ys.push_back(drawn_klom(p.mean));
      if (p.parts > 1) plot.interval(xs.back(), drawn_klom(p.low), drawn_klom(p.high), style.ink);
    }
    plot.line(xs, ys, style.ink, LineWeight::thin);
    for (size_t k = 0; k < xs.size(); ++k)
      plot.mark(xs[k], ys[k], {style.ink, style.marker, style.hollow});
    key.push_back({curve.estimator, KeySample::mark, style});
  }
  return {plot.picture(),
          key_picture(key, kCountWidth, "Key",
                      panel.forget_set + ": key to KLoM against the number of subset models")};
}

TextTable count_table(const CountPanel& panel) {
  check(panel);
  const auto counts = all_counts(panel);
  std::vector<TableColumn> columns = {{"estimator", Align::left}};
  for (const int64_t models : counts) columns.push_back({count_text(models)});
  TextTable table(columns);
  for (const auto& curve : panel.curves) {
    std::vector<std::string> row = {curve.estimator};
    for (const int64_t models : counts) {
      std::string text;
      for (const auto& p : curve.points) {
        if (p.models == models) text = klom_text(p.mean);
      }
      row.push_back(text);
    }
    table.add_row(row);
  }
  return table;
}

}  // namespace expunge
