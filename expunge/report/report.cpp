#include "expunge/report/report.h"

#include <fmt/format.h>

#include "expunge/report/escape.h"
#include "expunge/report/forecast_section.h"
#include "expunge/report/forget_set_html.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_plots.h"
#include "expunge/report/report_style.h"
#include "expunge/report/report_words.h"

namespace expunge {
namespace {

std::string opening_html(const ReportData& data) {
  const Sentence words = headline(data);
  const auto lead =
      words.empty() ? "" : fmt::format("<p class=\"lead\">{}</p>\n", sentence_html(words));
  return page_heading("expunge report", data.title, data.subtitle,
                      lead + warnings_html(data.warnings));
}

std::string klom_html(const ReportData& data) {
  const std::string models =
      data.models_a_side > 0
          ? fmt::format("{} unlearned models and as many models", count_text(data.models_a_side))
          : "many unlearned models and many models";
  const bool easydub = data.convention == "easydub";
  return fmt::format(
      R"(<section>
<h2>How to read KLoM</h2>
<p>Ask {} retrained from scratch without the forgotten examples, the oracles, how sure they are of one example: the margin is the logit of the true class minus the log-sum-exp of the others. KLoM is the Kullback–Leibler divergence of the unlearned models' margins from the oracles', each as a histogram of 20 bins over their common range. <strong>0</strong> means that the histograms coincide; <strong>11.5</strong>, the largest value, that they share no bin.</p>
<p>The 95th percentile over a group of examples is what counts, because forgetting has to hold for nearly all of them and not on average. Two finite sets of oracles do not agree exactly either: the <strong>floor</strong> is KLoM of oracles against other oracles, with as many models. Figures from different numbers of models do not compare. Convention: <code>{}</code>{}.</p>
</section>
)",
      models, escape_markup(data.convention),
      easydub ? " (the pooled maximum belongs to no bin)"
              : " (the pooled maximum belongs to the last bin)");
}

std::string cost_html(const ReportData& data) {
  const Sentence words = up_front_words(data);
  if (words.empty() && !data.penalty) return "";
  std::string html = "<section>\n<h2>What has to be paid once</h2>\n<div class=\"split\"><div>\n";
  if (!words.empty()) html += fmt::format("<p>{}</p>\n", sentence_html(words));
  if (data.penalty) {
    html += fmt::format(
        "<p>The penalty of the ridge, λ = {}, was chosen by the squared error of its "
        "predictions on subset models that it had not seen, in raw logits.</p>\n",
        value_text(data.penalty->chosen));
  }
  html += "</div>\n";
  if (data.penalty) {
    html += fmt::format("<figure class=\"wide\">{}</figure>\n",
                        penalty_picture(*data.penalty).embedded());
  }
  return html + "</div>\n</section>\n";
}

std::string settings_html(const ReportData& data) {
  if (data.settings.empty()) return "";
  std::string html = "<section>\n<h2>Settings</h2>\n<div class=\"settings\">\n";
  for (const auto& group : data.settings) {
    html += fmt::format("<div><h3>{}</h3><dl>\n", escape_markup(group.heading));
    for (const auto& setting : group.values) {
      html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_markup(setting.name),
                          escape_markup(setting.value));
    }
    html += "</dl></div>\n";
  }
  return html + "</div>\n</section>\n";
}

}  // namespace

std::string render_html(const ReportData& data) {
  check(data);
  std::string html = page_opening(data.title, report_style()) + opening_html(data);
  for (const auto& section : data.forget_sets) html += forget_set_html(section);
  if (data.forecast) html += forecast_html(*data.forecast);
  html += cost_html(data) + klom_html(data) + settings_html(data);
  html += run_again_html(
      data.command,
      "The same settings and seeds give the same tables on the same kind of machine.");
  return html + page_ending();
}

}  // namespace expunge
