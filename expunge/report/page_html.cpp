#include "expunge/report/page_html.h"

#include <fmt/format.h>

#include <algorithm>

#include "expunge/report/escape.h"

namespace expunge {

std::string page_opening(std::string_view title, std::string_view style) {
  return fmt::format(R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{}</title>
<style>
{}</style>
</head>
<body>
<main>
)",
                     escape_markup(title), style);
}

std::string warnings_html(const std::vector<std::string>& warnings) {
  if (warnings.empty()) return "";
  std::string html =
      "<div class=\"warnings\" role=\"note\"><p><strong>Read with care</strong></p><ul>\n";
  for (const auto& warning : warnings) {
    html += fmt::format("<li>{}</li>\n", escape_markup(warning));
  }
  return html + "</ul></div>\n";
}

std::string page_heading(std::string_view command, std::string_view title,
                         std::string_view subtitle, std::string_view more) {
  std::string html = fmt::format("<header>\n<p class=\"eyebrow\">{}</p>\n<h1>{}</h1>\n",
                                 escape_markup(command), escape_markup(title));
  if (!subtitle.empty())
    html += fmt::format("<p class=\"subtitle\">{}</p>\n", escape_markup(subtitle));
  return html + std::string(more) + "</header>\n";
}

std::string run_again_html(std::string_view command, std::string_view note) {
  if (command.empty()) return "";
  // Escaping puts a text on one line; a command may have several.
  std::string lines;
  for (size_t start = 0; start <= command.size();) {
    const size_t end = std::min(command.find('\n', start), command.size());
    lines += (start > 0 ? "\n" : "") + escape_markup(command.substr(start, end - start));
    start = end + 1;
  }
  const auto words = note.empty() ? "" : fmt::format("<p>{}</p>\n", escape_markup(note));
  return fmt::format(
      "<section>\n<h2>Run it again</h2>\n{}<pre tabindex=\"0\"><code>{}</code></pre>\n</section>\n",
      words, lines);
}

std::string table_html(const TextTable& table, const std::string& name) {
  const auto& columns = table.columns();
  const auto side = [&](size_t i) {
    return columns[i].align == Align::left ? " class=\"left\"" : "";
  };
  std::string html = fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{}: table\">\n<table "
      "class=\"small\">\n<thead><tr>",
      escape_markup(name));
  for (size_t i = 0; i < columns.size(); ++i) {
    html += fmt::format("<th scope=\"col\"{}>{}</th>", side(i), escape_markup(columns[i].name));
  }
  html += "</tr></thead>\n<tbody>\n";
  for (const auto& row : table.rows()) {
    html += fmt::format("<tr><th scope=\"row\">{}</th>", escape_markup(row[0]));
    for (size_t i = 1; i < row.size(); ++i) {
      html += fmt::format("<td{}>{}</td>", side(i), escape_markup(row[i]));
    }
    html += "</tr>\n";
  }
  return html + "</tbody></table></div>\n";
}

std::string page_ending() {
  return "</main>\n</body>\n</html>\n";
}

}  // namespace expunge
