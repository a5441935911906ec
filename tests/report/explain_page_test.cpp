// The pages of explain and mislabelled: well formed, complete, safe with foreign names, and without
// pictures where the data have none.
#include "expunge/report/explain_page.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/report/mislabelled_page.h"
#include "nan.h"
#include "report/markup_check.h"

namespace expunge {
namespace {

ShownExample shown_sample(int64_t index, const torch::Tensor& image) {
  ShownExample example;
  example.index = index;
  example.label = "shirt <b>";
  example.image = image;
  example.value = "+1.50 ± 0.25";
  return example;
}

ExplainPage explain_sample(const torch::Tensor& image) {
  ExplainedPoint point;
  point.asked = shown_sample(2007, image);
  point.place = "Validation example 7";
  point.facts = {{{"Margin: "}, {"-1.20 nats", true}}};
  point.helps = {shown_sample(17, image), shown_sample(18, image)};
  point.helps[0].strong = true;
  point.helps[1].note = "itself";
  for (int i = 0; i < 200; ++i) point.ratios.push_back(0.03f * static_cast<float>(i - 100));
  point.freedom = 97;
  point.threshold = 4.1;
  return {"Title & more", "subtitle", {point, point}, "expunge explain --point 7"};
}

MarkupResult read_shown(const std::string& html) {
  return read_markup(html, {"meta", "img"}, {"style"});
}

size_t how_many(const std::string& html, const std::string& part) {
  size_t count = 0;
  for (size_t at = html.find(part); at != std::string::npos; at = html.find(part, at + 1)) ++count;
  return count;
}

TEST(ExplainPage, IsWellFormedAndComplete) {
  const auto page = explain_sample(torch::full({1, 4, 4}, 7, torch::kUInt8));
  const auto html = render_explanations(page);
  const auto markup = read_shown(html);
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(how_many(html, "<img "), 6u);  // each of two points, and its two examples
  EXPECT_EQ(how_many(html, "<svg"), 2u);
  EXPECT_EQ(how_many(html, "<li class=\"out\">"), 2u);
  for (const char* part :
       {"Title &amp; more", "Validation example 7: shirt &lt;b&gt;", "<strong>-1.20 nats</strong>",
        "+1.50 ± 0.25", "itself", "No example has an effect below 0", "--point 7"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  EXPECT_EQ(html.find("<b>shirt"), std::string::npos);
  EXPECT_EQ(html, render_explanations(page)) << "the same page, the same bytes";
}

TEST(ExplainPage, ShowsColourAndFloatingImagesAndNoneOfVectors) {
  EXPECT_TRUE(is_drawable(torch::zeros({3, 5, 4}, torch::kUInt8)));
  EXPECT_TRUE(is_drawable(torch::rand({1, 5, 4})));
  EXPECT_FALSE(is_drawable(torch::rand({1, 1, 20})));
  EXPECT_FALSE(is_drawable(torch::rand({2, 5, 4})));
  EXPECT_FALSE(is_drawable(torch::rand({1, 5, 4}) * 3));
  EXPECT_FALSE(is_drawable(torch::rand({1, 5, 4}) * kNan));
  EXPECT_FALSE(is_drawable({}));
  for (const auto& image : {torch::rand({1, 1, 20}), torch::Tensor()}) {
    const auto html = render_explanations(explain_sample(image));
    EXPECT_EQ(read_shown(html).problem, "");
    EXPECT_EQ(how_many(html, "<img "), 0u);
    EXPECT_EQ(how_many(html, "+1.50"), 4u);
  }
}

TEST(ExplainPage, PictureHoldsEveryRatioAndTheThreshold) {
  auto point = explain_sample({}).points[0];
  point.ratios.push_back(-9.5);
  const auto canvas = ratios_picture(point);
  EXPECT_NE(canvas.description().find("201 effects, from -9.5 to 3.0"), std::string::npos);
  EXPECT_NE(canvas.description().find("beyond 4.10"), std::string::npos);
}

TEST(ExplainPage, RefusesWhatCannotBeDrawn) {
  EXPECT_THROW(render_explanations({}), InputError);
  auto page = explain_sample({});
  page.points[1].ratios.clear();
  EXPECT_THROW(render_explanations(page), InputError);
  page = explain_sample({});
  page.points[0].threshold = 0;
  EXPECT_THROW(render_explanations(page), InputError);
  page = explain_sample({});
  page.points[0].ratios[3] = static_cast<float>(kNan);
  EXPECT_THROW(render_explanations(page), NonFiniteError);
}

TEST(MislabelledPage, IsWellFormedAndComplete) {
  MislabelledPage page;
  page.title = "Suspects";
  page.caption = "By <margin>.";
  page.result = {{"2 of 3", true}, {" known."}};
  page.suspects = {shown_sample(3, torch::rand({3, 6, 4})), shown_sample(1, {})};
  TextTable table({{"order", Align::left}, {"AUC"}});
  table.add_row({"own-effect", "0.952"});
  page.known = {table};
  page.command = "expunge mislabelled";
  const auto html = render_mislabelled(page);
  EXPECT_EQ(read_shown(html).problem, "");
  EXPECT_EQ(how_many(html, "<img "), 1u);
  for (const char* part : {"By &lt;margin&gt;.", "<strong>2 of 3</strong>", "0.952", "own-effect"})
    EXPECT_NE(html.find(part), std::string::npos) << part;
  EXPECT_LT(html.find("<small>3</small>"), html.find("<small>1</small>"));
  page.known.clear();
  EXPECT_EQ(render_mislabelled(page).find("<table"), std::string::npos);
  EXPECT_THROW(render_mislabelled({}), InputError);
}

}  // namespace
}  // namespace expunge
