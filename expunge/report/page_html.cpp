#include "expunge/report/page_html.h"

#include <fmt/format.h>

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

std::string page_ending() {
  return "</main>\n</body>\n</html>\n";
}

}  // namespace expunge
