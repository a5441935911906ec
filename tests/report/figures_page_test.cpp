#include "expunge/report/figures_page.h"

#include <gtest/gtest.h>

#include <functional>

#include "expunge/core/error.h"
#include "expunge/report/figure_plots.h"
#include "expunge/report/figure_tables.h"
#include "report/figure_sample.h"

namespace expunge {
namespace {

FiguresPage sample_page() {
  FiguresPage page;
  page.title = "Figures";
  page.subtitle = "ten examples";
  page.warnings = {"few models"};
  page.sections = {
      {"figure-1",
       "Figure 1",
       "Below every baseline.",
       {{"first", frontier_pictures(sample_frontier())}},
       "Down and to the left is better.",
       {{"first", frontier_table(sample_frontier())}, {"", frontier_table(sample_frontier())}},
       {"figures/frontier first.csv", "figures/frontier.svg"}},
      {"figure-2",
       "Figure 2",
       "",
       {{"", {trajectory_picture(sample_trajectories())}}},
       "",
       {},
       {}}};
  return page;
}

MarkupResult read_page(const std::string& html) {
  return read_markup(html, {"meta"}, {"style"});
}

TEST(FiguresPage, IsWellFormedAndComplete) {
  const std::string html = render_figures(sample_page());
  const auto markup = read_page(html);
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(count(markup, "svg"), 6u);
  EXPECT_EQ(count(markup, "table"), 2u);
  EXPECT_EQ(count(markup, "section"), 2u);
  for (const char* part : {"few models", "Below every baseline.", "Down and to the left is better.",
                           "href=\"figures/frontier%20first.csv\"", "href=\"#figure-2\"",
                           "<section id=\"figure-2\">", "400 of 1,500 overshoot"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(html, render_figures(sample_page())) << "the same page, the same bytes";
}

TEST(FiguresPage, LoadsNothingAndRunsNothing) {
  const std::string html = render_figures(sample_page());
  EXPECT_EQ(html.find("url("), std::string::npos);
  EXPECT_EQ(html.find("@import"), std::string::npos);
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find("src="), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

TEST(FiguresPage, NamesFromFilesCannotBecomeMarkup) {
  const std::string evil = "\"><script>alert('x')</script>&\x1b\xff";
  FiguresPage page = sample_page();
  page.title = page.subtitle = evil;
  page.warnings = {evil};
  auto& section = page.sections[0];
  section.heading = section.sentence = section.caption = section.panels[0].heading = evil;
  section.files = {"javascript:alert(1)", evil, "a?b#c"};
  section.tables.push_back({evil, TextTable({{evil, Align::left}, {evil}})});
  section.tables.back().table.add_row({evil, evil});
  FrontierPanelSet set = sample_frontier();
  set.forget_set = evil;
  set.cells[0].method = evil;
  section.panels[0].pictures = frontier_pictures(set);
  const std::string html = render_figures(page);
  EXPECT_EQ(read_page(html).problem, "");
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find('\x1b'), std::string::npos);
  EXPECT_EQ(html.find("href=\"javascript:"), std::string::npos);
  EXPECT_NE(html.find("href=\"javascript%3Aalert%281%29\""), std::string::npos);
  EXPECT_NE(html.find("href=\"a%3Fb%23c\""), std::string::npos);
}

TEST(FiguresPage, RefusesWhatCannotBeAPage) {
  const std::vector<std::function<void(FiguresPage&)>> spoils = {
      [](auto& p) { p.sections.clear(); },
      [](auto& p) { p.sections[0].id = ""; },
      [](auto& p) { p.sections[0].id = "Figure 1"; },
      [](auto& p) { p.sections[1].id = "figure-1"; },
      [](auto& p) { p.sections[1].panels.clear(); },
      [](auto& p) { p.sections[1].panels[0].pictures.clear(); },
      [](auto& p) { p.sections[1].files = {""}; },
      [](auto& p) { p.sections[1].files = {"//elsewhere/x.csv"}; }};
  for (size_t i = 0; i < spoils.size(); ++i) {
    FiguresPage page = sample_page();
    spoils[i](page);
    EXPECT_THROW(render_figures(page), InputError) << "spoil " << i;
  }
}

}  // namespace
}  // namespace expunge
