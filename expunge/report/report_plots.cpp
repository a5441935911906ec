#include "expunge/report/report_plots.h"

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/report/klom_axes.h"
#include "expunge/report/method_style.h"
#include "expunge/report/report_words.h"
#include "expunge/report/svg_plot.h"

namespace expunge {
namespace {

constexpr PointGroup kGroups[] = {PointGroup::forget, PointGroup::retain, PointGroup::validation};

AxisScale klom_scale_of(const ForgetSetSection& section) {
  std::vector<double> values = {section.floor_p95};
  for (const auto& row : section.rows) {
    if (!row.cost_share) continue;
    for (const auto group : kGroups) {
      const GroupStatistic& score = score_of(row, group);
      if (score.points == 0) continue;
      values.push_back(score.p95);
      if (!has_interval(score)) continue;
      values.push_back(score.p95_low);
      values.push_back(score.p95_high);
    }
  }
  return klom_scale(values);
}

AxisScale cost_scale_of(const ForgetSetSection& section) {
  std::vector<double> values;
  for (const auto& row : section.rows) {
    if (row.cost_share) values.push_back(*row.cost_share);
  }
  return cost_scale(values);
}

}  // namespace

SvgCanvas cost_picture(const ForgetSetSection& section, PointGroup group) {
  std::vector<const MethodRow*> rows;
  std::vector<MethodStyle> styles;
  const auto all_styles = row_styles(section);
  for (size_t i = 0; i < section.rows.size(); ++i) {
    if (!section.rows[i].cost_share || score_of(section.rows[i], group).points == 0) continue;
    rows.push_back(&section.rows[i]);
    styles.push_back(all_styles[i]);
  }
  PlotOptions options;
  options.height = 250;
  options.heading = group_heading(group);
  options.title = fmt::format("{}: KLoM of {} against cost", section.name, options.heading);
  options.x = cost_axis(cost_scale_of(section));
  options.y = klom_axis(klom_scale_of(section));
  for (const auto* row : rows) {
    options.description +=
        fmt::format("{}: KLoM {} at {}. ", row->method, klom_text(score_of(*row, group).p95),
                    share_text(*row->cost_share));
  }
  options.description += fmt::format("Floor: {}.", klom_text(section.floor_p95));

  SvgPlot plot(options);
  plot.level(drawn_klom(section.floor_p95), Ink::oracle, "floor " + klom_text(section.floor_p95));
  for (size_t i = 0; i < rows.size(); ++i) {
    const GroupStatistic& score = score_of(*rows[i], group);
    if (!has_interval(score)) continue;
    plot.interval(*rows[i]->cost_share, drawn_klom(score.p95_low), drawn_klom(score.p95_high),
                  styles[i].ink);
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const MethodStyle& style = styles[i];
    plot.mark(*rows[i]->cost_share, drawn_klom(score_of(*rows[i], group).p95),
              {style.ink, style.marker, style.hollow}, rows[i]->method);
  }
  return plot.picture();
}

SvgCanvas margin_picture(const MarginExample& example, const std::string& heading) {
  if (example.oracle.empty()) {
    fail<InputError>("margins of point {}: expected at least one oracle, got none", example.point);
  }
  double low = INFINITY, high = -INFINITY;
  const auto widen = [&](const std::vector<float>& margins) {
    for (const float margin : margins) {
      low = std::min<double>(low, margin), high = std::max<double>(high, margin);
    }
  };
  widen(example.oracle);
  for (const auto& series : example.series) widen(series.margins);
  const AxisScale scale = AxisScale::nice_linear(low, high, 6);
  const int bins = 40;
  const Histogram oracle = histogram_of(example.oracle, scale.low(), scale.high(), bins);
  double tallest = *std::max_element(oracle.shares.begin(), oracle.shares.end());
  std::vector<Histogram> data;
  for (const auto& series : example.series) {
    data.push_back(histogram_of(series.margins, scale.low(), scale.high(), bins));
    for (const double share : data.back().shares) tallest = std::max(tallest, share);
  }

  const double row_height = 64, words_height = 21;
  const double rows = std::max<double>(1, static_cast<double>(data.size()));
  PlotOptions options;
  options.height = rows * row_height + (heading.empty() ? 46 : 66);
  options.heading = heading;
  options.title = fmt::format("Margins on point {}", example.point);
  options.x = {"margin (nats)", scale, TickFormat::number, 6};
  options.y = {"", AxisScale::linear(0, rows), TickFormat::number, 5, false};
  for (const auto& series : example.series) {
    options.description += series.method;
    if (series.klom) options.description += fmt::format(": KLoM {}", klom_text(*series.klom));
    options.description += ". ";
  }
  SvgPlot plot(options);
  if (scale.low() < 0 && scale.high() > 0) plot.upright(0, Ink::rule);
  const double unit = tallest > 0 ? (1 - words_height / row_height) / tallest : 0;
  for (size_t i = 0; i < data.size(); ++i) {
    const double base = rows - 1 - static_cast<double>(i);
    const Ink ink = method_style(example.series[i].role).ink;
    if (i + 1 < data.size()) plot.rule(base, Ink::rule);
    plot.histogram(data[i], base, unit, ink);
    plot.histogram_outline(data[i], base, unit, ink);
    plot.histogram_outline(oracle, base, unit, Ink::oracle);
    plot.words(0, base + 1, 15, example.series[i].method, ink, Anchor::start, true);
    if (example.series[i].klom) {
      plot.words(1, base + 1, 15, "KLoM " + klom_text(*example.series[i].klom), Ink::muted,
                 Anchor::end);
    }
  }
  if (data.empty()) plot.histogram_outline(oracle, 0, unit, Ink::oracle);
  return plot.picture();
}

SvgCanvas penalty_picture(const PenaltyCurve& curve) {
  const auto chosen = std::find(curve.lambda.begin(), curve.lambda.end(), curve.chosen);
  if (curve.lambda.size() != curve.error.size() || chosen == curve.lambda.end()) {
    fail<InputError>("penalty curve: expected an error a lambda and the chosen lambda among {}",
                     curve.lambda.size());
  }
  const auto [least, most] = std::minmax_element(curve.error.begin(), curve.error.end());
  PlotOptions options;
  options.width = 380;
  options.height = 250;
  options.title = "Held-out error against the ridge penalty";
  options.x = {"penalty λ", AxisScale::logarithmic(curve.lambda.front(), curve.lambda.back()),
               TickFormat::number, 4};
  options.y = {"squared error on held-out models",
               AxisScale::nice_linear(std::min(*least, 1.0), std::max(*most, 1.0), 5)};
  const double error = curve.error[chosen - curve.lambda.begin()];
  options.description = fmt::format("Chosen: {:.4g}, error {:.3f}.", curve.chosen, error);
  SvgPlot plot(options);
  plot.level(1, Ink::muted, "predicting no effect");
  plot.line(curve.lambda, curve.error, Ink::unlearned);
  for (size_t i = 0; i < curve.lambda.size(); ++i) {
    if (curve.lambda[i] == curve.chosen) continue;
    plot.mark(curve.lambda[i], curve.error[i], {Ink::unlearned, Marker::circle, true});
  }
  plot.mark(curve.chosen, error, {Ink::unlearned, Marker::circle, false},
            "λ = " + value_text(curve.chosen));
  return plot.picture();
}

}  // namespace expunge
