#include "expunge/report/forget_set_html.h"

#include <fmt/format.h>

#include <algorithm>

#include "expunge/report/escape.h"
#include "expunge/report/method_style.h"
#include "expunge/report/png_data_uri.h"
#include "expunge/report/report_plots.h"
#include "expunge/report/report_tables.h"

namespace expunge {
namespace {

/// The mark that stands for a method in the plots, small enough for a line of words.
std::string marker_html(const MethodStyle& style) {
  SvgCanvas canvas(12, 12, "", "");
  canvas.marker({6, 6}, style.marker, style.ink, style.hollow);
  return canvas.embedded();
}

std::string score_cell(const GroupStatistic& score) {
  if (score.points == 0) return R"(<td class="p95">–</td>)";
  std::string html = fmt::format(R"(<td class="p95"><span>{}</span>)", klom_text(score.p95));
  if (has_interval(score)) {
    html +=
        fmt::format("<small>{}–{}</small>", klom_text(score.p95_low), klom_text(score.p95_high));
  }
  return html + "</td>";
}

std::string row_html(const MethodRow& row, const MethodStyle& style) {
  std::string html =
      fmt::format(R"(<tr class="{}"><th scope="row"><span class="name">{}{}</span>)",
                  role_name(row.role), marker_html(style), escape_markup(row.method));
  if (!row.note.empty()) html += fmt::format("<small>{}</small>", escape_markup(row.note));
  html += fmt::format("</th><td>{}</td>", row.cost_share ? share_text(*row.cost_share) : "–");
  const auto groups = {&row.klom.forget, &row.klom.retain, &row.klom.validation};
  for (const GroupStatistic* score : groups) html += score_cell(*score);
  for (const GroupStatistic* score : groups) {
    html += fmt::format(R"(<td class="mean">{}</td>)",
                        score->points == 0 ? "–" : klom_text(score->mean));
  }
  return html + "</tr>\n";
}

std::string methods_html(const ForgetSetSection& section) {
  std::string html = fmt::format(
      R"(<p class="caption">KLoM in nats, with the 95% interval of P95 over retrained models. Lower is better; the floor is {}.</p>
<div class="scroll" tabindex="0" role="region" aria-label="KLoM of every method on {}">
<table>
<thead><tr><th></th><th></th><th class="group" colspan="3" scope="colgroup"><span>95th percentile</span></th><th class="group" colspan="3" scope="colgroup"><span>mean</span></th></tr>
<tr><th scope="col">method</th><th scope="col">cost</th><th scope="col">forget</th><th scope="col">retain</th><th scope="col">validation</th><th scope="col">forget</th><th scope="col">retain</th><th scope="col">validation</th></tr></thead>
<tbody>
)",
      klom_text(section.floor_p95), escape_markup(section.name));
  const auto styles = row_styles(section);
  for (size_t i = 0; i < styles.size(); ++i) html += row_html(section.rows[i], styles[i]);
  return html + "</tbody></table></div>\n";
}

std::string cost_html(const ForgetSetSection& section) {
  std::string panels;
  for (const auto group : {PointGroup::forget, PointGroup::retain, PointGroup::validation}) {
    const bool measured =
        std::any_of(section.rows.begin(), section.rows.end(), [group](const MethodRow& row) {
          return row.cost_share && score_of(row, group).points > 0;
        });
    if (measured) panels += cost_picture(section, group).embedded() + "\n";
  }
  if (panels.empty()) return "";
  return "<figure><div class=\"panels\">\n" + panels +
         "</div><figcaption>KLoM against the cost of a request. Bars are 95% intervals; the dashed "
         "line is the floor. Down and to the left is better.</figcaption></figure>\n";
}

std::string image_html(const torch::Tensor& image, const std::string& alt) {
  const std::string uri = png_data_uri(image);  // first: it checks the shape that is asked below
  return fmt::format(R"(<img src="{}" width="{}" height="{}" alt="{}">)", uri, image.size(2),
                     image.size(1), escape_markup(alt));
}

std::string forgotten_html(const ForgetSetSection& section) {
  if (section.forgotten.empty()) return "";
  const size_t shown = section.forgotten.size();
  std::string html = "<h3>What was forgotten</h3>\n<p class=\"muted\">";
  html += shown < section.indices.size()
              ? fmt::format("The first {} of {} training examples, with class and index.",
                            count_text(shown), count_text(section.indices.size()))
              : "Training examples, with class and index.";
  html += "</p>\n<ul class=\"images\">\n";
  for (const auto& item : section.forgotten) {
    html += fmt::format(
        "<li>{}<span>{}</span><small>{}</small></li>\n",
        image_html(item.image, fmt::format("training example {}: {}", item.index, item.label)),
        escape_markup(item.label), item.index);
  }
  return html + "</ul>\n";
}

std::string example_html(const MarginExample& example) {
  const char* role = example.group == PointGroup::forget   ? "Forgotten"
                     : example.group == PointGroup::retain ? "Retained"
                                                           : "Validation";
  std::string html = "<div class=\"example\"><header>";
  if (example.image.defined()) {
    html += image_html(example.image, fmt::format("point {}: {}", example.point, example.label));
  }
  html += fmt::format("<div>{}<small>{}, point {}</small></div></header>\n{}</div>\n",
                      escape_markup(example.label), role, example.point,
                      margin_picture(example).embedded());
  return html;
}

std::string examples_html(const ForgetSetSection& section) {
  if (section.examples.empty()) return "";
  SvgCanvas outline(22, 12, "", "");
  outline.polyline({{1, 11}, {1, 7}, {6, 7}, {6, 2}, {13, 2}, {13, 5}, {21, 5}, {21, 11}},
                   "hair stroke-oracle");
  std::string html =
      "<h3>Margins, point by point</h3>\n<p class=\"muted\">The distribution of the margin over "
      "models. Where unlearning has succeeded, the filled shape fills the outline.</p>\n";
  html += fmt::format(
      "<div class=\"key\"><span>{}oracles: retrained without the forgotten examples</span></div>\n",
      outline.embedded());
  html += "<div class=\"panels\">\n";
  for (const auto& example : section.examples) html += example_html(example);
  return html + "</div>\n";
}

}  // namespace

std::string sentence_html(const Sentence& sentence) {
  std::string html;
  for (const auto& phrase : sentence) {
    const std::string text = escape_markup(phrase.text);
    html += phrase.strong ? "<strong>" + text + "</strong>" : text;
  }
  return html;
}

std::string forget_set_html(const ForgetSetSection& section) {
  std::string html = fmt::format("<section>\n<h2>{}</h2>\n", escape_markup(section.name));
  if (!section.description.empty()) {
    html += fmt::format("<p class=\"muted\">{}</p>\n", escape_markup(section.description));
  }
  html += fmt::format("<p class=\"result\">{}</p>\n", sentence_html(forget_set_result(section)));
  html += methods_html(section) + cost_html(section);
  html += forgotten_html(section) + examples_html(section);
  return html + "</section>\n";
}

}  // namespace expunge
