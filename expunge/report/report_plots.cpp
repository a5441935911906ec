#include "expunge/report/report_plots.h"

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/report/report_words.h"
#include "expunge/report/svg_plot.h"

namespace expunge {
namespace {

constexpr PointGroup kGroups[] = {PointGroup::forget, PointGroup::retain, PointGroup::validation};

std::string heading_of(PointGroup group) {
  switch (group) {
    case PointGroup::forget:
      return "Forgotten examples";
    case PointGroup::retain:
      return "Retained examples";
    case PointGroup::validation:
      return "Validation examples";
  }
  return "";
}

/// KLoM as drawn: what rounds to nothing, or lies a little below it, is nothing.
double drawn(double klom) {
  return klom < 1e-3 ? 0 : klom;
}

AxisScale klom_scale(const ForgetSetSection& section) {
  std::vector<double> values = {drawn(section.floor_p95)};
  for (const auto& row : section.rows) {
    if (!row.cost_share) continue;
    for (const auto group : kGroups) {
      const GroupStatistic& score = score_of(row, group);
      if (score.points == 0) continue;
      values.push_back(drawn(score.p95));
      if (!has_interval(score)) continue;
      values.push_back(drawn(score.p95_low));
      values.push_back(drawn(score.p95_high));
    }
  }
  return AxisScale::nice_logarithmic(values);
}

AxisScale cost_scale(const ForgetSetSection& section) {
  std::vector<double> values = {0.01, 1};
  for (const auto& row : section.rows) {
    if (row.cost_share) values.push_back(*row.cost_share);
  }
  return AxisScale::nice_logarithmic(values);
}

}  // namespace

MethodStyle method_style(MethodRole role) {
  switch (role) {
    case MethodRole::nothing:
      return {Ink::full, Marker::triangle, false};
    case MethodRole::prediction:
      return {Ink::predicted, Marker::circle, true};
    case MethodRole::unlearner:
      return {Ink::unlearned, Marker::circle, false};
    case MethodRole::baseline:
      return {Ink::muted, Marker::square, true};
    case MethodRole::reference:
      return {Ink::oracle, Marker::diamond, true};
    case MethodRole::floor:
      return {Ink::oracle, Marker::diamond, false};
  }
  fail<InputError>("method role: expected one of the enumeration, got {}", static_cast<int>(role));
}

SvgCanvas cost_picture(const ForgetSetSection& section, PointGroup group) {
  std::vector<const MethodRow*> rows;
  for (const auto& row : section.rows) {
    if (row.cost_share && score_of(row, group).points > 0) rows.push_back(&row);
  }
  PlotOptions options;
  options.height = 250;
  options.heading = heading_of(group);
  options.title = fmt::format("{}: KLoM of {} against cost", section.name, options.heading);
  options.x = {"cost of a request (one training = 100%)", cost_scale(section), TickFormat::share,
               4};
  options.y = {"KLoM P95 (nats)", klom_scale(section), TickFormat::number, 6};
  for (const auto* row : rows) {
    options.description +=
        fmt::format("{}: KLoM {} at {}. ", row->method, klom_text(score_of(*row, group).p95),
                    share_text(*row->cost_share));
  }
  options.description += fmt::format("Floor: {}.", klom_text(section.floor_p95));

  SvgPlot plot(options);
  plot.level(drawn(section.floor_p95), Ink::oracle, "floor " + klom_text(section.floor_p95));
  for (const auto* row : rows) {
    const GroupStatistic& score = score_of(*row, group);
    if (!has_interval(score)) continue;
    plot.interval(*row->cost_share, drawn(score.p95_low), drawn(score.p95_high),
                  method_style(row->role).ink);
  }
  for (const auto* row : rows) {
    const MethodStyle style = method_style(row->role);
    plot.mark(*row->cost_share, drawn(score_of(*row, group).p95),
              {style.ink, style.marker, style.hollow}, row->method);
  }
  return plot.picture();
}

SvgCanvas margin_picture(const MarginExample& example) {
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
  options.height = rows * row_height + 46;
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
