#include "expunge/convex/convex_page.h"

#include <cmath>

#include "expunge/convex/convex_plots.h"
#include "expunge/convex/convex_tables.h"
#include "expunge/report/forget_set_html.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_style.h"

namespace expunge {
namespace {

const MethodCurve* curve_named(const ConvexComparison& comparison, const std::string& name) {
  for (const auto& curve : comparison.curves) {
    if (curve.name == name) return &curve;
  }
  return nullptr;
}

}  // namespace

Sentence convex_result(const ConvexComparison& comparison) {
  Sentence sentence;
  if (comparison.model == LinearKind::ridge) {
    sentence = {{"Removing "},
                {counted(comparison.forgotten, "example"), true},
                {fmt::format(" by {} gives the retrained model to a relative ", comparison.method)},
                {short_number(comparison.relative_error), true},
                {". "}};
  }
  const auto* matching = curve_named(comparison, "matching, SGD");
  const auto* retain = curve_named(comparison, "retain loss, SGD");
  if (matching != nullptr && retain != nullptr) {
    sentence.push_back(
        {fmt::format("After {} steps SGD on matching is at ", count_text(matching->times.back()))});
    sentence.push_back({short_number(matching->measured.back()), true});
    sentence.push_back({" of the full model's distance to it, SGD on the retain loss at "});
    sentence.push_back({short_number(retain->measured.back()), true});
    sentence.push_back({"."});
  }
  return sentence;
}

std::string convex_section(const ConvexComparison& comparison) {
  std::string html =
      "<section>\n<h2>Closed forms</h2>\n<p class=\"muted\">Distance of the coefficients to "
      "retraining without the forgotten examples; the full model's is 1.</p>\n";
  html += table_html(closed_form_table(comparison), "closed forms");
  if (comparison.condition > 0) {
    html += fmt::format(
        "<p class=\"files\">Condition number of the retained examples' system: {}.</p>\n",
        short_number(comparison.condition));
  }
  html +=
      "</section>\n<section>\n<h2>Gradient methods, and what theory says</h2>\n<p "
      "class=\"muted\">From the "
      "full model. Matching brings outputs to those of the exact unlearned model; the retain loss "
      "is what "
      "retraining minimises.</p>\n<figure><div class=\"panels\">\n";
  for (const auto& picture : curve_pictures(comparison)) html += picture.embedded() + "\n";
  html += "</div></figure>\n";
  html += table_html(rate_table(comparison), "rates of gradient methods");
  html +=
      "<p class=\"files\">decay: minus the logarithm of what the distance is multiplied by in a "
      "step, over "
      "the later half of what is above rounding. smallest, largest: eigenvalues of the objective's "
      "Hessian.</p>\n</section>\n";
  if (!comparison.balls.empty()) {
    html +=
        "<section>\n<h2>The noise ball</h2>\n<p class=\"muted\">SGD on the retain loss, begun at "
        "the exact "
        "unlearned model, leaves it by its own noise: mean squared distance over the later "
        "half.</p>\n"
        "<figure><div class=\"panels\">\n" +
        ball_picture(comparison).embedded() + "\n</div></figure>\n";
    html += table_html(ball_table(comparison), "noise balls");
    if (std::isfinite(comparison.ball_slope)) {
      html += fmt::format(
          "<p class=\"files\">Squared distance grows as the step to the power "
          "<strong>{:.3f}</strong>",
          comparison.ball_slope);
      if (std::isfinite(comparison.predicted_ball_slope))
        html += fmt::format(", predicted {:.3f}", comparison.predicted_ball_slope);
      html += "; 1 for small steps.</p>\n";
    }
    html += "</section>\n";
  }
  return html;
}

std::string render_convex(const ConvexPage& page, const ConvexComparison& comparison) {
  std::string html = page_opening(page.title, report_style());
  html += page_heading(
      "expunge convex", page.title, page.subtitle,
      fmt::format("<p class=\"lead\">{}</p>\n", sentence_html(convex_result(comparison))) +
          warnings_html(page.warnings));
  html += convex_section(comparison);
  return html + run_again_html(page.command) + page_ending();
}

}  // namespace expunge
