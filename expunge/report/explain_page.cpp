#include "expunge/report/explain_page.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/log_gamma.h"
#include "expunge/report/escape.h"
#include "expunge/report/forget_set_html.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_style.h"
#include "expunge/report/svg_plot.h"

namespace expunge {
namespace {

double student_density(double t, double freedom) {
  constexpr double pi = 3.14159265358979323846;
  return std::exp(log_gamma((freedom + 1) / 2) - log_gamma(freedom / 2) -
                  (freedom + 1) / 2 * std::log1p(t * t / freedom)) /
         std::sqrt(freedom * pi);
}

std::string effects_html(const char* heading, const char* none,
                         const std::vector<ShownExample>& examples) {
  std::string html = fmt::format("<h3>{}</h3>\n", heading);
  if (examples.empty()) return html + fmt::format("<p class=\"muted\">{}</p>\n", none);
  return html + example_rows_html(examples);
}

std::string point_html(const ExplainedPoint& point) {
  std::string html = fmt::format("<section>\n<h2>{}: {}</h2>\n<div class=\"asked\">{}<div>\n",
                                 escape_markup(point.place), escape_markup(point.asked.label),
                                 example_image_html(point.asked, 140));
  for (const auto& fact : point.facts) html += fmt::format("<p>{}</p>\n", sentence_html(fact));
  html += "</div></div>\n";
  html += effects_html("Help most", "No example has an effect above 0.", point.helps);
  html += effects_html("Hurt most", "No example has an effect below 0.", point.hurts);
  html += fmt::format(
      "<figure class=\"wide\">{}<figcaption>Effects of all other training examples in standard "
      "errors, and the curve that they would follow if none had any effect. Beyond the upright "
      "lines an effect stands out, and has a mark: chance alone takes any of them there in one "
      "point of twenty.</figcaption></figure>\n</section>\n",
      ratios_picture(point).embedded());
  return html;
}

std::string reading_html() {
  return "<section>\n<h2>How to read it</h2>\n<p>The effect of a training example is how much "
         "higher "
         "the margin is, in nats, in models that saw it than in models that did not, the other "
         "examples held alike: the coefficient of a regression on which examples each subset model "
         "saw. Behind it stands its standard error. A bold one stands out above what the largest "
         "of "
         "so many effects would be by chance; the others are the best guesses there are, and many "
         "of "
         "them are luck.</p>\n<p>The margin is the logit of the class asked about less the "
         "log-sum-exp of "
         "the others. An example that helps raises it.</p>\n</section>\n";
}

}  // namespace

SvgCanvas ratios_picture(const ExplainedPoint& point) {
  if (point.ratios.empty() || !(point.threshold > 0) || !(point.freedom > 0)) {
    fail<InputError>(
        "effects of point {}: ratios, and a threshold and degrees of freedom above 0 required, got "
        "{}, {} and {}",
        point.asked.index, point.ratios.size(), point.threshold, point.freedom);
  }
  double end = point.threshold;
  for (const float ratio : point.ratios) end = std::max(end, std::abs(double{ratio}));
  end = std::ceil(end + 0.5);
  constexpr int bins_of_one = 4;
  const auto bins = histogram_of(point.ratios, -end, end, static_cast<int>(2 * end) * bins_of_one);
  const double highest = *std::max_element(bins.shares.begin(), bins.shares.end());
  const double top = 1.1 * std::max(highest, student_density(0, point.freedom) / bins_of_one);
  PlotOptions options;
  options.width = 420;
  options.height = 200;
  options.title = fmt::format("Effects on point {} in standard errors", point.asked.index);
  options.description = fmt::format(
      "A histogram of {} effects, from {:.1f} to {:.1f} standard errors, and Student's density of "
      "{} degrees of freedom. Effects beyond {:.2f} stand out.",
      point.ratios.size(), *std::min_element(point.ratios.begin(), point.ratios.end()),
      *std::max_element(point.ratios.begin(), point.ratios.end()), point.freedom, point.threshold);
  options.x = {.label = "effect / standard error", .scale = AxisScale::linear(-end, end)};
  options.y = {.label = "", .scale = AxisScale::linear(0, top), .visible = false};
  SvgPlot plot(options);
  plot.histogram(bins, 0, 1, Ink::muted);
  std::vector<double> xs, ys;
  for (int k = 0; k <= 200; ++k) {
    xs.push_back(-end + 2 * end * k / 200);
    ys.push_back(student_density(xs.back(), point.freedom) / bins_of_one);
  }
  plot.line(xs, ys, Ink::oracle);
  plot.upright(-point.threshold, Ink::full).upright(point.threshold, Ink::full);
  // One of thousands is too few for a bar to be seen.
  for (const float ratio : point.ratios) {
    if (std::abs(ratio) > point.threshold)
      plot.mark(ratio, 0.06 * top, {.ink = Ink::unlearned, .hollow = true, .faint = true});
  }
  return plot.picture();
}

std::string render_explanations(const ExplainPage& page) {
  if (page.points.empty()) fail<InputError>("explanations: at least one point required, got none");
  std::string html = page_opening(page.title, report_style() + shown_example_style());
  html += page_heading("expunge explain", page.title, page.subtitle);
  for (const auto& point : page.points) html += point_html(point);
  return html + reading_html() + run_again_html(page.command) + page_ending();
}

}  // namespace expunge
