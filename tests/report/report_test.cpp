#include "expunge/report/report.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "expunge/core/error.h"
#include "expunge/report/report_plots.h"
#include "report/markup_check.h"
#include "report/report_sample.h"

namespace expunge {
namespace {

MarkupResult read_report(const std::string& html) {
  return read_markup(html, {"meta", "img", "br"}, {"style"});
}

TEST(Report, IsWellFormedAndComplete) {
  const std::string html = render_html(sample_report());
  const auto markup = read_report(html);
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(count(markup, "table"), 1u);
  EXPECT_EQ(count(markup, "img"), 3u);  // two forgotten, one example
  for (const char* part : {"1.3 times the floor", "do nothing", "dm-direct", "oracle matching",
                           "retraining", "0.56–0.69", "4.2%", "boot", "KLoM 0.30", "80 trainings",
                           "λ = 10", "epochs", "expunge run a.toml\nexpunge report"}) {
    EXPECT_NE(html.find(part), std::string::npos) << part;
  }
}

TEST(Report, LoadsNothingAndRunsNothing) {
  const std::string html = render_html(sample_report());
  const auto markup = read_report(html);
  const std::set<std::string> loading = {"src", "href", "srcset", "data", "action", "poster"};
  for (const auto& element : markup.elements) {
    EXPECT_NE(element.name, "script");
    EXPECT_NE(element.name, "link");
    for (const auto& [key, value] : element.attributes) {
      EXPECT_NE(key.substr(0, 2), "on") << key;
      if (loading.count(key)) {
        EXPECT_EQ(value.rfind("data:image/png;base64,", 0), 0u) << value;
      }
      // The namespace is a name, not an address that is loaded.
      if (key != "xmlns") {
        EXPECT_EQ(value.find("http:"), std::string::npos);
        EXPECT_EQ(value.find("https:"), std::string::npos);
      }
    }
  }
  EXPECT_EQ(html.find("url("), std::string::npos);
  EXPECT_EQ(html.find("@import"), std::string::npos);
  EXPECT_NE(html.find("default-src 'none'"), std::string::npos);
}

TEST(Report, NamesFromFilesCannotBecomeMarkup) {
  const std::string evil = "\"><script>alert('x')</script><img src=x onerror=a&b>\x1b\xff";
  ReportData data = sample_report();
  data.title = data.subtitle = data.command = data.convention = evil;
  data.warnings = {evil};
  data.settings = {{evil, {{evil, evil}}}};
  auto& section = data.forget_sets[0];
  section.name = section.description = evil;
  for (auto& each : section.rows) each.method = each.note = evil;
  for (auto& item : section.forgotten) item.label = evil;
  section.examples[0].label = evil;
  for (auto& series : section.examples[0].series) series.method = evil;
  const std::string html = render_html(data);
  const auto clean = read_report(render_html(sample_report()));
  const auto markup = read_report(html);
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(count(markup, "script"), 0u);
  EXPECT_EQ(count(markup, "img"), count(clean, "img"));
  EXPECT_EQ(html.find("<script"), std::string::npos);
  EXPECT_EQ(html.find('\x1b'), std::string::npos);
}

TEST(Report, TheSameDataGiveTheSameBytes) {
  EXPECT_EQ(render_html(sample_report()), render_html(sample_report()));
}

TEST(Report, PartsWithoutDataAreLeftOut) {
  ReportData data;
  data.title = "bare";
  EXPECT_EQ(read_report(render_html(data)).problem, "");

  data = sample_report();
  data.up_front.reset();
  data.penalty.reset();
  data.command.clear();
  data.settings.clear();
  auto& section = data.forget_sets[0];
  section.examples[0].image = torch::Tensor();
  section.examples[0].series.clear();
  section.forgotten.clear();
  for (auto& each : section.rows) {
    each.cost_share.reset();
    each.klom.validation = GroupStatistic{};
    each.klom.retain.p95_low = each.klom.retain.p95_high = std::numeric_limits<double>::quiet_NaN();
  }
  const std::string html = render_html(data);
  const auto markup = read_report(html);
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(count(markup, "img"), 0u);
  EXPECT_EQ(count(markup, "figure"), 0u) << "no cost, no cost plot";
  EXPECT_EQ(html.find("nan"), std::string::npos);
}

TEST(Report, SaysHowManyOfTheForgottenItShows) {
  ReportData data = sample_report();
  data.forget_sets[0].indices.resize(1500);
  EXPECT_NE(render_html(data).find("The first 2 of 1,500 training examples"), std::string::npos);
}

TEST(Report, BadDataAreRefused) {
  ReportData data = sample_report();
  data.forget_sets[0].rows[0].klom.forget.p95 = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THROW(render_html(data), NonFiniteError);
  data = sample_report();
  data.forget_sets[0].forgotten[0].image = torch::Tensor();
  EXPECT_THROW(render_html(data), InputError);
}

TEST(ReportPlots, EveryMethodWithACostIsLabelled) {
  ForgetSetSection section = sample_section("s");
  section.rows[1].cost_share.reset();
  const auto markup = read_markup(cost_picture(section, PointGroup::forget).embedded());
  EXPECT_EQ(markup.problem, "");
  for (const char* label : {"do nothing", "DMM", "oracle matching", "retraining", "floor 0.50"}) {
    EXPECT_NE(markup.text.find(label), std::string::npos) << label;
  }
  EXPECT_EQ(markup.text.find("dm-direct"), std::string::npos) << "its cost was not counted";
}

TEST(ReportPlots, ZeroKlomAndEqualMarginsAreDrawn) {
  ForgetSetSection section = sample_section("s");
  section.floor_p95 = 0;
  for (auto& each : section.rows) each.klom.forget = score(0, 0, 0, 0, 2);
  section.rows[2].klom.forget = score(-1e-4, -1e-4, 0, 0, 2);
  EXPECT_EQ(read_markup(cost_picture(section, PointGroup::forget).embedded()).problem, "");
  MarginExample example = section.examples[0];
  example.oracle = {2};
  example.series = {{"DMM", MethodRole::unlearner, {2, 2}, std::nullopt}};
  EXPECT_EQ(read_markup(margin_picture(example).embedded()).problem, "");
  EXPECT_EQ(read_markup(penalty_picture({{5}, {0.9}, 5}).embedded()).problem, "");
  EXPECT_EQ(read_markup(penalty_picture({{5}, {1}, 5}).embedded()).problem, "");
}

}  // namespace
}  // namespace expunge
