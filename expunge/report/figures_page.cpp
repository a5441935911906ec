#include "expunge/report/figures_page.h"

#include <set>

#include "expunge/core/error.h"
#include "expunge/report/escape.h"
#include "expunge/report/page_html.h"
#include "expunge/report/report_style.h"

namespace expunge {
namespace {

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

void check_page(const FiguresPage& page) {
  if (page.sections.empty()) {
    fail<InputError>("figures {}: expected at least one section, got none", page.title);
  }
  std::set<std::string> ids;
  for (const auto& section : page.sections) {
    if (section.id.empty() || section.id.find_first_not_of(
                                  "abcdefghijklmnopqrstuvwxyz0123456789-") != std::string::npos) {
      fail<InputError>("figures: section {}: expected an id of a-z, 0-9 and -, got '{}'",
                       section.heading, section.id);
    }
    if (!ids.insert(section.id).second) {
      fail<InputError>("figures: section {}: expected an id of its own, got '{}' again",
                       section.heading, section.id);
    }
    bool pictures = !section.panels.empty();
    for (const auto& panels : section.panels) pictures = pictures && !panels.pictures.empty();
    if (!pictures) {
      fail<InputError>("figures: section {}: expected pictures in all panels, got none",
                       section.heading);
    }
    for (const auto& file : section.files) {
      if (file.empty() || file.front() == '/' || file.front() == '\\') {
        fail<InputError>("figures: section {}: expected a file beside the page, got '{}'",
                         section.heading, file);
      }
    }
  }
}

/// A relative path as a URL. Percent signs stand for all that could be more than a path: with ':'
/// gone there is no scheme, with '?' and '#' gone no query.
std::string relative_url(const std::string& path) {
  std::string url;
  for (const char c : path) {
    const bool plain = is_letter_or_digit(c) || c == '-' || c == '.' || c == '_' || c == '/';
    url += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return url;
}

std::string files_html(const std::vector<std::string>& files) {
  if (files.empty()) return "";
  std::string html = "<p class=\"files\">";
  for (size_t i = 0; i < files.size(); ++i) {
    html += fmt::format("{}<a href=\"{}\">{}</a>", i > 0 ? ", " : "", relative_url(files[i]),
                        escape_markup(files[i]));
  }
  return html + "</p>\n";
}

std::string section_html(const FigureSection& section) {
  std::string html =
      fmt::format("<section id=\"{}\">\n<h2>{}</h2>\n", section.id, escape_markup(section.heading));
  if (!section.sentence.empty()) {
    html += fmt::format("<p class=\"result\">{}</p>\n", escape_markup(section.sentence));
  }
  html += "<figure>\n";
  for (const auto& panels : section.panels) {
    if (!panels.heading.empty()) {
      html += fmt::format("<h3>{}</h3>\n", escape_markup(panels.heading));
    }
    html += "<div class=\"panels\">\n";
    for (const auto& picture : panels.pictures) html += picture.embedded() + "\n";
    html += "</div>\n";
  }
  if (!section.caption.empty()) {
    html += fmt::format("<figcaption>{}</figcaption>\n", escape_markup(section.caption));
  }
  html += "</figure>\n";
  for (const auto& [heading, table] : section.tables) {
    if (!heading.empty()) html += fmt::format("<h3>{}</h3>\n", escape_markup(heading));
    html += table_html(table, heading.empty() ? section.heading : heading);
  }
  return html + files_html(section.files) + "</section>\n";
}

std::string opening_html(const FiguresPage& page) {
  std::string more = warnings_html(page.warnings);
  if (page.sections.size() > 1) {
    more += "<nav aria-label=\"figures\"><ul>\n";
    for (const auto& section : page.sections) {
      more += fmt::format("<li><a href=\"#{}\">{}</a></li>\n", section.id,
                          escape_markup(section.heading));
    }
    more += "</ul></nav>\n";
  }
  return page_heading("expunge figures", page.title, page.subtitle, more);
}

}  // namespace

std::string render_figures(const FiguresPage& page) {
  check_page(page);
  std::string html = page_opening(page.title, report_style()) + opening_html(page);
  for (const auto& section : page.sections) html += section_html(section);
  return html + page_ending();
}

}  // namespace expunge
