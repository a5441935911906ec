#include "expunge/report/svg_plot.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>
#include <sstream>

#include "expunge/core/error.h"
#include "nan.h"
#include "report/figure_sample.h"
#include "report/markup_check.h"

namespace expunge {
namespace {

PlotOptions sample_options() {
  PlotOptions options;
  options.title = "a <plot> & \"more\"";
  options.description = "what it shows";
  options.heading = "Heading";
  options.x = {"x (nats)", AxisScale::linear(0, 10)};
  options.y = {"y (nats)", AxisScale::linear(0, 4)};
  return options;
}

SvgPlot sample_plot() {
  SvgPlot plot(sample_options());
  plot.level(1, Ink::oracle, "floor");
  plot.line({0, 5, 10}, {0, 4, 2}, Ink::unlearned);
  plot.interval(5, 1, 3, Ink::full);
  plot.mark(5, 2, {Ink::full, Marker::diamond, true}, "<script>alert(1)</script>");
  plot.histogram(histogram_of({1, 2, 2, 3}, 0, 10, 5), 0, 2, Ink::predicted);
  plot.histogram_outline(histogram_of({1, 2, 2, 3}, 0, 10, 5), 0, 2, Ink::predicted);
  plot.upright(3, Ink::rule).rule(2, Ink::rule);
  plot.words(0.5, 2, 0, "words & more", Ink::muted, Anchor::middle);
  return plot;
}

const MarkupElement* find(const MarkupResult& markup, const std::string& name,
                          const std::string& in_class) {
  for (const auto& element : markup.elements) {
    if (element.name == name && attribute(element, "class").find(in_class) != std::string::npos) {
      return &element;
    }
  }
  return nullptr;
}

TEST(SvgPlot, IsWellFormedAndEscaped) {
  const SvgCanvas picture = sample_plot().picture();
  for (const std::string& svg : {picture.embedded(), picture.file()}) {
    const auto markup = read_markup(svg, {}, {"style"});
    EXPECT_EQ(markup.problem, "");
    EXPECT_EQ(svg.find("<script"), std::string::npos);
    EXPECT_NE(svg.find("&lt;script&gt;alert(1)"), std::string::npos);
    EXPECT_NE(svg.find("<title>a &lt;plot&gt; &amp; &quot;more&quot;</title>"), std::string::npos);
    EXPECT_NE(svg.find("<desc>what it shows"), std::string::npos);
    EXPECT_EQ(attribute(markup.elements[0], "role"), "img");
    EXPECT_EQ(attribute(markup.elements[0], "viewBox").rfind("0 0 ", 0), 0u);
  }
}

TEST(SvgPlot, AFileStandsAlone) {
  const std::string svg = sample_plot().picture().file();
  EXPECT_EQ(svg.rfind("<?xml", 0), 0u);
  EXPECT_EQ(svg.find("var("), std::string::npos) << "not every program knows CSS variables";
  EXPECT_EQ(svg.find("url("), std::string::npos);
  EXPECT_EQ(svg.find("http", svg.find("w3.org")), std::string::npos);
  EXPECT_NE(svg.find("fill=\"#ffffff\""), std::string::npos) << "white background";
  // Every class that is drawn has a rule.
  for (const auto& element : read_markup(svg, {}, {"style"}).elements) {
    std::istringstream classes(attribute(element, "class"));
    for (std::string name; classes >> name;) {
      EXPECT_NE(svg.find("." + name), std::string::npos) << name;
    }
  }
}

TEST(SvgPlot, TheSameCallsGiveTheSameBytes) {
  EXPECT_EQ(sample_plot().picture().file(), sample_plot().picture().file());
}

TEST(SvgPlot, MarksLieWhereTheScalesSay) {
  SvgPlot plot(sample_options());
  plot.line({0, 10, 5}, {0, 4, 1}, Ink::unlearned);
  const auto markup = read_markup(plot.picture().embedded());
  const auto* line = find(markup, "polyline", "stroke-unlearned");
  ASSERT_NE(line, nullptr);
  const auto points = points_of(*line);
  ASSERT_EQ(points.size(), 3u);
  const Box& area = plot.area();
  EXPECT_NEAR(points[0].x, area.left, 0.01);
  EXPECT_NEAR(points[0].y, area.bottom(), 0.01);
  EXPECT_NEAR(points[1].x, area.right(), 0.01);
  EXPECT_NEAR(points[1].y, area.top, 0.01);
  EXPECT_NEAR(points[2].x, area.left + area.width / 2, 0.01);
  EXPECT_NEAR(points[2].y, area.bottom() - area.height / 4, 0.01);
}

TEST(SvgPlot, HistogramCountsAndClosesTheLastBin) {
  const auto data = histogram_of({0, 0.9F, 1, 2.5F, 4, 9}, 0, 4, 4);
  EXPECT_EQ(data.edges, (std::vector<double>{0, 1, 2, 3, 4}));
  const std::vector<double> expected = {2 / 6., 1 / 6., 1 / 6., 1 / 6.};  // 9 counts in the total
  for (size_t i = 0; i < 4; ++i) EXPECT_DOUBLE_EQ(data.shares[i], expected[i]);
  EXPECT_EQ(histogram_of({}, 0, 1, 2).shares, (std::vector<double>{0, 0}));
  EXPECT_THROW(histogram_of({1}, 0, 1, 0), InputError);
  EXPECT_THROW(histogram_of({1}, 1, 1, 4), InputError);
  EXPECT_THROW(histogram_of({static_cast<float>(kNan)}, 0, 1, 4), NonFiniteError);
}

TEST(SvgPlot, HistogramIsDrawnOverItsOwnRangeOnly) {
  SvgPlot plot(sample_options());
  plot.histogram(histogram_of({4.5F, 5.5F, 5.5F, 7.5F}, 0, 10, 10), 0, 4, Ink::full);
  const auto markup = read_markup(plot.picture().embedded());
  const auto points = points_of(*find(markup, "polygon", "fill-full"));
  const Box& area = plot.area();
  EXPECT_NEAR(points.front().x, area.left + 0.4 * area.width, 0.01);
  EXPECT_NEAR(points.back().x, area.left + 0.8 * area.width, 0.01);
  // Shares 1/4, 1/2, 0, 1/4 in units of the whole height.
  EXPECT_NEAR(points[1].y, area.bottom() - area.height / 4, 0.01);
  EXPECT_NEAR(points[3].y, area.bottom() - area.height / 2, 0.01);
  EXPECT_NEAR(points[5].y, area.bottom(), 0.01);
}

TEST(SvgPlot, DegenerateDataIsDrawn) {
  PlotOptions options = sample_options();
  options.x.scale = AxisScale::linear(3, 3);
  options.y.scale = AxisScale::logarithmic(2, 2);
  SvgPlot plot(options);
  plot.line({3}, {2}, Ink::full).mark(3, 2, {}, "only one").interval(3, 2, 2, Ink::full);
  plot.histogram(histogram_of({}, 0, 1, 2), 2, 1, Ink::full);
  EXPECT_EQ(read_markup(plot.picture().embedded()).problem, "");
}

TEST(SvgPlot, RefusesNonFiniteValuesAndWrongSizes) {
  SvgPlot plot(sample_options());
  EXPECT_THROW(plot.mark(kNan, 1, {}), NonFiniteError);
  EXPECT_THROW(plot.mark(1, INFINITY, {}), NonFiniteError);
  EXPECT_THROW(plot.line({1, 2}, {1, kNan}, Ink::full), NonFiniteError);
  EXPECT_THROW(plot.line({1, 2}, {1}, Ink::full), InputError);
  EXPECT_THROW(plot.line({}, {}, Ink::full), InputError);
  EXPECT_THROW(plot.interval(1, kNan, 2, Ink::full), NonFiniteError);
  EXPECT_THROW(plot.level(kNan, Ink::full, ""), NonFiniteError);
  EXPECT_THROW(plot.histogram({{0, 1}, {1, 1}}, 0, 1, Ink::full), InputError);
  PlotOptions tiny = sample_options();
  tiny.width = 30;
  EXPECT_THROW(SvgPlot{tiny}, InputError);
  EXPECT_THROW(SvgCanvas(0, 10, "", ""), InputError);
  EXPECT_THROW(SvgCanvas(10, kNan, "", ""), InputError);
}

TEST(SvgPlot, CrowdedLabelsAreLeftOutOnlyWhereAllowed) {
  PlotOptions options = sample_options();
  const auto crowd = [&] {
    SvgPlot plot(options);
    for (int i = 0; i < 24; ++i) plot.mark(5, 2, {}, "a label of some length");
    return plot;
  };
  EXPECT_TRUE(crowd().left_out().empty());
  EXPECT_EQ(direct_labels(read_markup(crowd().picture().embedded())).size(), 24u);
  options.drop_crowded = true;
  const auto labels = direct_labels(read_markup(crowd().picture().embedded()));
  EXPECT_EQ(labels.size() + crowd().left_out().size(), 24u);
  EXPECT_GE(labels.size(), 4u) << "one a side";
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t k = 0; k < i; ++k) EXPECT_LT(overlap(labels[i].box, labels[k].box), 1);
  }
}

TEST(SvgPlot, FirstLabelsStayLongest) {
  PlotOptions options = sample_options();
  options.drop_crowded = true;
  SvgPlot plot(options);
  for (int i = 0; i < 24; ++i) plot.label(5, 2, i == 0 ? "first" : "a label of some length", {});
  for (const auto& text : plot.left_out()) EXPECT_NE(text, "first");
}

TEST(SvgPlot, NoKeptLabelHidesAMark) {
  PlotOptions options = sample_options();
  options.drop_crowded = true;
  SvgPlot plot(options);
  // A lawn of marks: only at its edges is there room for words.
  for (int i = 0; i < 24; ++i) {
    for (int k = 0; k < 12; ++k) plot.mark(0.4 * i + 0.2, 0.15 + 0.3 * k, {});
  }
  plot.label(5, 2, "in the middle", Ink::full).label(0.2, 0.15, "at the edge", Ink::full);
  const auto markup = read_markup(plot.picture().embedded());
  for (const auto& label : direct_labels(markup)) {
    for (const auto& circle : with_classes(markup, "circle", {})) {
      const double x = std::stod(attribute(circle, "cx")), y = std::stod(attribute(circle, "cy"));
      EXPECT_LT(overlap(label.box, {x - 3, y - 3, 6, 6}), 9) << label.text;
    }
  }
  EXPECT_FALSE(plot.left_out().empty());
}

TEST(SvgPlot, RoomForLabelsIsRightOfTheAxes) {
  PlotOptions options = sample_options();
  const double before = SvgPlot(options).area().right();
  options.label_room = 50;
  SvgPlot plot(options);
  EXPECT_DOUBLE_EQ(plot.area().right(), before - 50);
  plot.label(10, 2, "the end", Ink::full, 4);
  const auto labels = direct_labels(read_markup(plot.picture().embedded()));
  ASSERT_EQ(labels.size(), 1u);
  EXPECT_NEAR(labels[0].box.left, plot.area().right() + 4, 0.01);
}

TEST(SvgPlot, ANoteStandsBelowTheHeading) {
  PlotOptions options = sample_options();
  const double before = SvgPlot(options).area().top;
  options.note = "a note <here>";
  const SvgPlot plot(options);
  EXPECT_GT(plot.area().top, before + 10);
  EXPECT_NE(plot.picture().embedded().find("a note &lt;here&gt;"), std::string::npos);
}

TEST(SvgPlot, LinesDifferInWeight) {
  SvgPlot plot(sample_options());
  plot.line({0, 1}, {0, 1}, Ink::full).line({0, 1}, {0, 1}, Ink::full, LineWeight::thick);
  plot.line({0, 1}, {0, 1}, Ink::full, LineWeight::thin);
  plot.line({0, 1}, {0, 1}, Ink::full, LineWeight::dashed);
  const auto lines = with_classes(read_markup(plot.picture().embedded()), "polyline", {"line"});
  ASSERT_EQ(lines.size(), 4u);
  const char* weights[] = {"", "thick", "thin", "dashed"};
  for (size_t i = 0; i < 4; ++i) {
    for (size_t k = 1; k < 4; ++k) EXPECT_EQ(has_class(lines[i], weights[k]), i == k);
  }
}

TEST(SvgCanvas, EveryShapeIsOneElementAroundItsPlace) {
  std::set<std::string> drawn;
  for (int shape = 0; shape <= static_cast<int>(Marker::asterisk); ++shape) {
    for (const bool faint : {false, true}) {
      SvgCanvas canvas(20, 20, "", "");
      canvas.marker({10, 10}, static_cast<Marker>(shape), Ink::full, true, faint);
      const auto markup = read_markup(canvas.embedded());
      ASSERT_EQ(markup.elements.size(), 2u) << shape;
      EXPECT_EQ(has_class(markup.elements[1], "faint"), faint);
      EXPECT_TRUE(drawn.insert(canvas.embedded()).second) << "a shape of its own: " << shape;
      for (const Point& corner : points_of(markup.elements[1])) {
        EXPECT_LE(std::hypot(corner.x - 10, corner.y - 10), faint ? 4 : 6) << shape;
        EXPECT_GE(std::hypot(corner.x - 10, corner.y - 10), 1.5) << shape;
      }
    }
  }
}

TEST(SvgCanvas, AnotherPictureIsAddedWhereToldTo) {
  SvgCanvas inner(10, 10, "inner", "of inner"), outer(40, 40, "outer", "of outer");
  inner.line({0, 0}, {1, 1}, "hair");
  outer.add(inner, {5, 7});
  const auto markup = read_markup(outer.embedded());
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(attribute(with_classes(markup, "g", {})[0], "transform"), "translate(5 7)");
  EXPECT_EQ(with_classes(markup, "line", {"hair"}).size(), 1u);
  EXPECT_EQ(markup.text.find("inner"), std::string::npos);
}

TEST(SvgCanvas, DecorationIsHiddenFromScreenReaders) {
  SvgCanvas canvas(12, 12, "", "");
  canvas.marker({6, 6}, Marker::circle, Ink::full, true);
  const std::string svg = canvas.embedded();
  EXPECT_NE(svg.find("aria-hidden=\"true\""), std::string::npos);
  EXPECT_EQ(svg.find("<title>"), std::string::npos);
}

TEST(SvgCanvas, SeveralPicturesShareAFile) {
  const SvgCanvas picture = sample_plot().picture();
  const std::string svg = SvgCanvas::file({picture, picture, picture}, 2, "three");
  const auto markup = read_markup(svg, {}, {"style"});
  EXPECT_EQ(markup.problem, "");
  EXPECT_EQ(attribute(markup.elements[0], "width"), "716");   // 2 * 340 + 3 * 12
  EXPECT_EQ(attribute(markup.elements[0], "height"), "596");  // 2 * 280 + 3 * 12
  EXPECT_THROW(SvgCanvas::file({}, 1, ""), InputError);
}

}  // namespace
}  // namespace expunge
