#include "expunge/convex/convex_plots.h"

#include <cmath>

#include "expunge/convex/convex_tables.h"
#include "expunge/core/error.h"
#include "expunge/report/plot_key.h"
#include "expunge/report/svg_plot.h"

namespace expunge {
namespace {

constexpr double kLowest = 1e-13, kHighest = 100;
constexpr double kPictureWidth = 340;

MethodStyle style_of(const std::string& name) {
  if (name.starts_with("matching")) return {Ink::oracle, Marker::circle, false};
  if (name.starts_with("ascent")) return {Ink::umber, Marker::triangle, true};
  return {Ink::alert, Marker::square, true};
}

// The part of a curve that can be drawn.
void draw(SvgPlot& plot, const std::vector<int64_t>& times, const std::vector<double>& values,
          Ink ink, LineWeight weight) {
  std::vector<double> xs, ys;
  for (size_t i = 0; i < values.size(); ++i) {
    if (!(values[i] >= kLowest && values[i] <= kHighest)) break;
    xs.push_back(static_cast<double>(times[i]));
    ys.push_back(values[i]);
  }
  if (!xs.empty()) plot.line(xs, ys, ink, weight);
}

SvgCanvas curves_picture(const ConvexComparison& comparison, bool stochastic) {
  PlotOptions options;
  options.width = kPictureWidth;
  options.height = 300;
  options.heading = stochastic ? "Stochastic gradients" : "Full gradients";
  options.title = options.heading + ": distance to the exact unlearned model against steps";
  std::vector<double> values = {1};
  double last = 1;
  for (const auto& curve : comparison.curves) {
    if ((curve.batch > 0) != stochastic) continue;
    last = std::max(last, static_cast<double>(curve.times.back()));
    for (const auto* list : {&curve.measured, &curve.predicted}) {
      for (const double value : *list) {
        if (!(value >= kLowest && value <= kHighest)) break;
        values.push_back(value);
      }
    }
    options.description += fmt::format("{}: {} after {} steps. ", curve.name,
                                       short_number(curve.measured.back()), curve.times.back());
  }
  options.x = {"steps", AxisScale::linear(0, last), TickFormat::number, 4};
  options.y = {"distance (full model: 1)", AxisScale::nice_logarithmic(values), TickFormat::number,
               6};
  SvgPlot plot(options);
  for (const auto& curve : comparison.curves) {
    if ((curve.batch > 0) != stochastic) continue;
    const auto style = style_of(curve.name);
    draw(plot, curve.times, curve.measured, style.ink, LineWeight::thick);
    if (curve.theory != Theory::none)
      draw(plot, curve.times, curve.predicted, Ink::text, LineWeight::dashed);
  }
  return plot.picture();
}

}  // namespace

std::vector<SvgCanvas> curve_pictures(const ConvexComparison& comparison) {
  const std::vector<KeyEntry> key = {
      {"matching, measured", KeySample::line, style_of("matching")},
      {"retain loss, measured", KeySample::line, style_of("retain")},
      {"ascent-descent, measured", KeySample::line, style_of("ascent")},
      {"theory", KeySample::thin_line, {Ink::text, Marker::circle, false}}};
  return {curves_picture(comparison, false), curves_picture(comparison, true),
          key_picture(key, kPictureWidth, "Key", "key to the distances against steps")};
}

SvgCanvas ball_picture(const ConvexComparison& comparison) {
  if (comparison.balls.empty())
    fail<InputError>("noise ball: at least one step size required, got none");
  PlotOptions options;
  options.width = kPictureWidth;
  options.height = 300;
  options.heading = "Noise ball of the retain loss";
  options.title = "Squared distance that SGD on the retain loss keeps, against its step";
  std::vector<double> xs, ys, measured;
  for (const auto& ball : comparison.balls) {
    xs.push_back(ball.step);
    ys.push_back(ball.measured);
    measured.push_back(ball.measured);
    if (std::isfinite(ball.predicted)) ys.push_back(ball.predicted);
    options.description +=
        fmt::format("step {}: {} measured, {} predicted. ", short_number(ball.step),
                    short_number(ball.measured), short_number(ball.predicted));
  }
  options.note = std::isfinite(comparison.ball_slope)
                     ? fmt::format("slope {:.2f} measured", comparison.ball_slope)
                     : "";
  options.x = {"step", AxisScale::nice_logarithmic(xs), TickFormat::number, 4};
  options.y = {"squared distance", AxisScale::nice_logarithmic(ys), TickFormat::number, 5};
  SvgPlot plot(options);
  std::vector<double> px, py;
  for (const auto& ball : comparison.balls) {
    const double predicted = std::isfinite(ball.predicted) ? ball.predicted : ball.first_order;
    if (!(predicted >= options.y.scale.low() && predicted <= options.y.scale.high())) continue;
    px.push_back(ball.step);
    py.push_back(predicted);
  }
  if (!px.empty()) plot.line(px, py, Ink::text, LineWeight::dashed);
  for (size_t i = 0; i < xs.size(); ++i)
    plot.mark(xs[i], measured[i], {Ink::alert, Marker::square, true});
  return plot.picture();
}

std::string comparison_svg(const ConvexComparison& comparison) {
  auto pictures = curve_pictures(comparison);
  if (!comparison.balls.empty()) pictures.insert(pictures.begin() + 2, ball_picture(comparison));
  return SvgCanvas::file(pictures, 2, "Unlearning a linear model");
}

}  // namespace expunge
