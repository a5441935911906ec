#include "expunge/report/mislabelled_page.h"

#include "expunge/core/error.h"
#include "expunge/report/escape.h"
#include "expunge/report/forget_set_html.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_style.h"

namespace expunge {
namespace {

std::string known_html(const TextTable& table) {
  std::string html =
      "<section>\n<h2>Against labels known to be wrong</h2>\n<div class=\"scroll\" tabindex=\"0\" "
      "role=\"region\" aria-label=\"how many wrong labels each order finds\">\n<table "
      "class=\"small\">\n<thead><tr>";
  for (const auto& column : table.columns())
    html += fmt::format("<th scope=\"col\">{}</th>", escape_markup(column.name));
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows()) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escape_markup(row[0]));
    for (size_t i = 1; i < row.size(); ++i)
      html += fmt::format("<td>{}</td>", escape_markup(row[i]));
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n</section>\n";
}

}  // namespace

std::string render_mislabelled(const MislabelledPage& page) {
  if (page.suspects.empty())
    fail<InputError>("mislabelled: at least one example required, got none");
  std::string html = page_opening(page.title, report_style() + shown_example_style());
  html += page_heading("expunge mislabelled", page.title, page.subtitle,
                       page.result.empty()
                           ? ""
                           : fmt::format("<p class=\"lead\">{}</p>\n", sentence_html(page.result)));
  html += fmt::format("<section>\n<h2>Most suspect first</h2>\n<p class=\"muted\">{}</p>\n",
                      escape_markup(page.caption));
  html += example_rows_html(page.suspects) + "</section>\n";
  for (const auto& table : page.known) html += known_html(table);
  return html + run_again_html(page.command) + page_ending();
}

}  // namespace expunge
