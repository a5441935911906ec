#include "expunge/report/figure_plots.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include "expunge/core/error.h"
#include "expunge/report/pareto.h"
#include "report/figure_sample.h"

namespace expunge {
namespace {

/// The axes of a picture as a reader sees them: numbers and where they stand. A place between two
/// numbers is found as on a ruler, logarithmic or not.
class Ruler {
 public:
  /// Numbers below the picture for x, those left of it for y.
  Ruler(const MarkupResult& markup, bool x) {
    double lowest = 0;
    const auto words = with_classes(markup, "text", {"fill-muted"});
    for (const auto& word : words) {
      if (is_number(word.text)) lowest = std::max(lowest, std::stod(attribute(word, "y")));
    }
    for (const auto& word : words) {
      if (!is_number(word.text)) continue;
      const bool below = std::stod(attribute(word, "y")) == lowest;
      if (below != x || (x && attribute(word, "text-anchor") != "middle")) continue;
      const double place =
          x ? std::stod(attribute(word, "x")) : std::stod(attribute(word, "y")) - 4;
      places_[number(word.text)] = place;
    }
  }

  double logarithmic(double value) const {
    if (value == 0) return places_.at(0);
    const auto& [low, high] = ends();
    return places_.at(low) +
           (places_.at(high) - places_.at(low)) * std::log(value / low) / std::log(high / low);
  }
  double linear(double value) const {
    const auto& [low, high] = ends();
    return places_.at(low) + (places_.at(high) - places_.at(low)) * (value - low) / (high - low);
  }

 private:
  static bool is_number(const std::string& text) {
    return !text.empty() && text.find_first_not_of("0123456789.e-%") == std::string::npos;
  }
  static double number(const std::string& text) {
    return std::stod(text) * (text.back() == '%' ? 0.01 : 1);
  }
  /// The outermost numbers above 0.
  std::pair<double, double> ends() const {
    double low = INFINITY, high = 0;
    for (const auto& [value, place] : places_) {
      if (value > 0) low = std::min(low, value), high = std::max(high, value);
    }
    return {low, high};
  }

  std::map<double, double> places_;
};

constexpr double kNear = 0.03;  // coordinates have two decimals

MarkupResult read(const SvgCanvas& picture) {
  auto markup = read_markup(picture.embedded());
  EXPECT_EQ(markup.problem, "") << picture.title();
  return markup;
}

void expect_labels_apart(const MarkupResult& markup, const std::string& what) {
  const auto labels = direct_labels(markup);
  for (size_t i = 0; i < labels.size(); ++i) {
    for (size_t k = 0; k < i; ++k) {
      const Box& a = labels[i].box;
      const Box& b = labels[k].box;
      const double width = std::min(a.right(), b.right()) - std::max(a.left, b.left);
      const double height = std::min(a.bottom(), b.bottom()) - std::max(a.top, b.top);
      EXPECT_FALSE(width > kNear && height > kNear)
          << what << ": " << labels[i].text << " on " << labels[k].text;
    }
  }
}

std::set<std::string> label_texts(const MarkupResult& markup) {
  std::set<std::string> texts;
  for (const auto& label : direct_labels(markup)) texts.insert(label.text);
  return texts;
}

TEST(FrontierPictures, MarksLieWhereTheAxesSay) {
  const auto set = sample_frontier();
  const auto pictures = frontier_pictures(set);
  ASSERT_EQ(pictures.size(), 5u);
  const double FrontierCell::*fields[] = {&FrontierCell::average, &FrontierCell::forget,
                                          &FrontierCell::retain, &FrontierCell::validation};
  for (size_t panel = 0; panel < 4; ++panel) {
    const auto markup = read(pictures[panel]);
    const Ruler x(markup, true), y(markup, false);
    std::map<bool, int> seen;
    for (const auto& circle : with_classes(markup, "circle", {"fill-unlearned"})) {
      const bool faint = has_class(circle, "faint");
      const FrontierCell& drawn = set.cells[faint ? 7 : 6];
      EXPECT_NEAR(std::stod(attribute(circle, "cx")), x.logarithmic(drawn.cost_share), kNear);
      EXPECT_NEAR(std::stod(attribute(circle, "cy")), y.logarithmic(drawn.*fields[panel]), kNear);
      ++seen[faint];
    }
    EXPECT_EQ(seen[false], 1);
    EXPECT_EQ(seen[true], 1);
    // A cost of nothing has a place too.
    const auto prediction = with_classes(markup, "circle", {"stroke-predicted"});
    ASSERT_EQ(prediction.size(), 1u);
    EXPECT_NEAR(std::stod(attribute(prediction[0], "cx")), x.logarithmic(0), kNear);
  }
}

TEST(FrontierPictures, StepsRunAlongTheParetoFrontier) {
  FrontierPanelSet set = sample_frontier();
  set.cells.push_back(cell("SCRUB", MethodRole::baseline, 0.6, 0.7, false));
  const auto markup = read(frontier_pictures(set)[1]);
  const Ruler x(markup, true), y(markup, false);
  for (const bool ours : {false, true}) {
    std::vector<double> costs, scores;
    for (const auto& each : set.cells) {
      const bool baseline = each.role == MethodRole::baseline || each.role == MethodRole::nothing;
      const bool own = each.role == MethodRole::prediction || each.role == MethodRole::unlearner;
      if (!(ours ? own : baseline)) continue;
      costs.push_back(each.cost_share);
      scores.push_back(each.forget);
    }
    const auto frontier = pareto_frontier(costs, scores);
    ASSERT_GE(frontier.size(), 3u);
    const auto lines =
        with_classes(markup, "polyline", {"line", ours ? "stroke-unlearned" : "stroke-muted"});
    ASSERT_EQ(lines.size(), 1u);
    const auto points = points_of(lines[0]);
    ASSERT_EQ(points.size(), 2 * frontier.size());
    for (size_t i = 0; i < frontier.size(); ++i) {
      EXPECT_NEAR(points[2 * i].x, x.logarithmic(costs[frontier[i]]), kNear);
      EXPECT_NEAR(points[2 * i].y, y.logarithmic(scores[frontier[i]]), kNear);
      EXPECT_EQ(points[2 * i + 1].y, points[2 * i].y) << "level until the next is affordable";
      if (i + 1 == frontier.size()) continue;
      EXPECT_EQ(points[2 * i + 1].x, points[2 * i + 2].x);
    }
  }
}

TEST(FrontierPictures, FloorIsADashedLevel) {
  const auto markup = read(frontier_pictures(sample_frontier())[0]);
  const auto level = with_classes(markup, "line", {"dashed", "stroke-oracle"});
  ASSERT_EQ(level.size(), 1u);
  EXPECT_NEAR(std::stod(attribute(level[0], "y1")), Ruler(markup, false).logarithmic(0.5), kNear);
  EXPECT_EQ(label_texts(markup).count("floor 0.50"), 1u);
}

TEST(FrontierPictures, EveryMethodIsLabelledWhereThereIsRoom) {
  for (size_t panel = 0; panel < 4; ++panel) {
    const auto markup = read(frontier_pictures(sample_frontier())[panel]);
    const auto texts = label_texts(markup);
    for (const char* method :
         {"do nothing", "SCRUB", "ascent", "dm-direct", "DMM", "oracle matching", "retraining"}) {
      EXPECT_EQ(texts.count(method), 1u) << method << ", panel " << panel;
    }
    expect_labels_apart(markup, "panel");
  }
}

TEST(FrontierPictures, CrowdedLabelsAreLeftOutAndTheKeyNamesAll) {
  const auto set = crowded_frontier();
  const auto pictures = frontier_pictures(set);
  for (size_t panel = 0; panel < 4; ++panel) {
    const auto markup = read(pictures[panel]);
    expect_labels_apart(markup, "crowded");
    EXPECT_GE(direct_labels(markup).size(), 4u) << "not one and all";
    for (const auto& label : direct_labels(markup)) {
      EXPECT_GE(label.box.left, -kNear) << label.text;
      EXPECT_LE(label.box.right(), pictures[panel].width() + kNear) << label.text;
    }
  }
  const auto key = read(pictures[4]);
  for (const auto& each : set.cells) {
    EXPECT_NE(key.text.find(each.method), std::string::npos) << each.method;
  }
  // 84 marks a panel: 12 full ones.
  size_t full = 0, faint = 0;
  for (const auto& element : read(pictures[0]).elements) {
    if (has_class(element, "hollow")) ++(has_class(element, "faint") ? faint : full);
  }
  EXPECT_EQ(full, 12u);
  EXPECT_EQ(faint, 72u);
}

TEST(FrontierPictures, ZeroAndOneCellAreDrawn) {
  FrontierPanelSet set{"bare", "", {cell("DMM", MethodRole::unlearner, 0, 0, true)}, 0};
  for (const auto& picture : frontier_pictures(set)) read(picture);
  set.cells[0].forget = -1e-4;
  for (const auto& picture : frontier_pictures(set)) read(picture);
}

TEST(FrontierPictures, MethodsLookAlikeInAllPicturesWithTheSameStyles) {
  MethodStyles styles;
  styles.add("ascent", MethodRole::baseline).add("SCRUB", MethodRole::baseline);
  const auto markup = read(frontier_pictures(sample_frontier(), styles)[0]);
  const auto second = method_style(MethodRole::baseline, 1);
  ASSERT_EQ(second.marker, Marker::cross);
  EXPECT_EQ(with_classes(markup, "path", {"stroke-" + std::string(ink_name(second.ink))}).size(),
            3u)
      << "three cells of SCRUB";
}

TEST(TrajectoryPicture, LinesFollowTheLikelihoods) {
  const auto panel = sample_trajectories();
  const auto markup = read(trajectory_picture(panel));
  const Ruler x(markup, true), y(markup, false);
  const auto red = with_classes(markup, "polyline", {"line", "stroke-alert"});
  const auto grey = with_classes(markup, "polyline", {"thin", "stroke-muted"});
  ASSERT_EQ(red.size(), 1u);
  ASSERT_EQ(grey.size(), 2u);
  const auto points = points_of(red[0]);
  ASSERT_EQ(points.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(points[i].x, x.linear(panel.time[i]), kNear);
    const double drawn = std::max(panel.points[0].likelihood[i], 1e-6);
    EXPECT_NEAR(points[i].y, y.logarithmic(drawn), kNear) << "what is below lies at the bottom";
  }
  EXPECT_NE(markup.text.find("400 of 1,500 overshoot"), std::string::npos);
  EXPECT_NE(markup.text.find("SCRUB, forgotten examples"), std::string::npos);
  EXPECT_NE(markup.text.find("epochs"), std::string::npos);
}

TEST(LossPicture, LinesFollowTheLossesAndStartsAreLevels) {
  const auto curve = sample_losses();
  const auto markup = read(loss_picture(curve));
  const Ruler x(markup, true), y(markup, false);
  const auto forget = with_classes(markup, "polyline", {"stroke-alert"});
  ASSERT_EQ(forget.size(), 1u);
  const auto points = points_of(forget[0]);
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(points[i].x, x.linear(curve.time[i]), kNear);
    EXPECT_NEAR(points[i].y, y.logarithmic(curve.forget_loss[i]), kNear);
  }
  const auto levels = with_classes(markup, "line", {"dashed"});
  ASSERT_EQ(levels.size(), 3u);
  EXPECT_NEAR(std::stod(attribute(levels[0], "y1")), y.logarithmic(0.3), kNear);
  EXPECT_NEAR(std::stod(attribute(levels[2], "y1")), y.logarithmic(0.01), kNear);
  EXPECT_EQ(label_texts(markup), (std::set<std::string>{"forget", "retain", "validation"}));
  for (const auto& label : direct_labels(markup)) {
    EXPECT_GE(label.box.left, points.back().x) << "beside the ends: " << label.text;
  }
  expect_labels_apart(markup, "losses");
}

TEST(LossPicture, LossesThatEndAlikeAreStillLabelledApart) {
  LossCurve curve = sample_losses();
  curve.forget_loss = curve.retain_loss = curve.validation_loss = {0, 0, 0};
  const auto markup = read(loss_picture(curve));
  EXPECT_EQ(direct_labels(markup).size(), 3u);
  expect_labels_apart(markup, "equal losses");
}

TEST(AgreementPicture, MarksAndIntervalsLieWhereTheAxesSay) {
  const auto points = sample_agreement();
  const auto markup = read(agreement_picture(points));
  const Ruler x(markup, true), y(markup, false);
  const auto bars = with_classes(markup, "line", {"bar"});
  ASSERT_EQ(bars.size(), 4u);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(std::stod(attribute(bars[i], "x1")), x.logarithmic(points[i].klom), kNear);
    EXPECT_NEAR(std::stod(attribute(bars[i], "y1")), y.linear(points[i].low), kNear);
    EXPECT_NEAR(std::stod(attribute(bars[i], "y2")), y.linear(points[i].high), kNear);
  }
  const auto mark = with_classes(markup, "circle", {"fill-unlearned"});
  ASSERT_EQ(mark.size(), 1u);
  EXPECT_NEAR(std::stod(attribute(mark[0], "cy")), y.linear(0.53), kNear);
  const auto guessing = with_classes(markup, "line", {"dashed"});
  ASSERT_EQ(guessing.size(), 1u);
  EXPECT_NEAR(std::stod(attribute(guessing[0], "y1")), y.linear(0.5), kNear);
  EXPECT_EQ(label_texts(markup),
            (std::set<std::string>{"guessing", "do nothing", "SCRUB", "DMM", "retraining"}));
  expect_labels_apart(markup, "agreement");
}

TEST(AgreementPicture, SeveralForgetSetsAndCrowdsHaveAKey) {
  auto points = sample_agreement();
  const double plain = agreement_picture(points).height();
  for (auto& point : sample_agreement()) {
    point.forget_set = "second";
    points.push_back(point);
  }
  const SvgCanvas two = agreement_picture(points);
  EXPECT_GT(two.height(), plain);
  EXPECT_EQ(direct_labels(read(two)).size(), 5u) << "a label a method, not a mark";
  std::vector<AgreementPoint> crowd;
  for (int i = 0; i < 16; ++i) {
    crowd.push_back({"a method of a long name, " + std::to_string(i), MethodRole::baseline, "first",
                     1 + 0.001 * i, 0.7, 0.6, 0.8});
  }
  const SvgCanvas picture = agreement_picture(crowd);
  EXPECT_GT(picture.height(), plain);
  const auto markup = read(picture);
  expect_labels_apart(markup, "crowd");
  for (const auto& point : crowd) {
    EXPECT_NE(markup.text.find(point.method), std::string::npos) << point.method;
  }
}

TEST(RocPicture, CurvesBeginAtTheEdgeWithWhatIsFoundThere) {
  const auto markup = read(roc_picture(sample_curves()));
  const Ruler x(markup, true), y(markup, false);
  const auto curve = with_classes(markup, "polyline", {"line", "stroke-full"});
  ASSERT_EQ(curve.size(), 1u);
  const auto points = points_of(curve[0]);
  ASSERT_EQ(points.size(), 3u) << "what lies beyond the edge is one point";
  const std::vector<std::pair<double, double>> expected = {{1e-3, 0.2}, {0.1, 0.8}, {1, 1}};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_NEAR(points[i].x, x.logarithmic(expected[i].first), kNear);
    EXPECT_NEAR(points[i].y, y.logarithmic(expected[i].second), kNear);
  }
  // Marks lie on the line that is drawn: half way between 0.1% and 10% on a logarithmic axis.
  const auto marks = with_classes(markup, "polygon", {"stroke-full"});
  ASSERT_EQ(marks.size(), 3u);
  const auto corners = points_of(marks[1]);
  EXPECT_NEAR(corners[0].x, x.logarithmic(0.01), kNear);
  EXPECT_NEAR(corners[0].y + 3.75 * 1.15, y.logarithmic(std::sqrt(0.2 * 0.8)), kNear);
  const auto guessing = with_classes(markup, "polyline", {"dashed", "stroke-muted"});
  ASSERT_EQ(guessing.size(), 1u);
  expect_labels_apart(markup, "curves");
  EXPECT_EQ(label_texts(markup), (std::set<std::string>{"guessing", "do nothing", "DMM"}));
}

TEST(FigurePictures, HaveTitlesDescriptionsAndUnits) {
  std::vector<SvgCanvas> pictures = frontier_pictures(sample_frontier());
  pictures.push_back(trajectory_picture(sample_trajectories()));
  pictures.push_back(loss_picture(sample_losses()));
  pictures.push_back(agreement_picture(sample_agreement()));
  pictures.push_back(roc_picture(sample_curves()));
  for (const auto& picture : pictures) {
    EXPECT_FALSE(picture.title().empty());
    EXPECT_FALSE(picture.description().empty()) << picture.title();
    EXPECT_LE(picture.width(), 340) << "legible on a phone: " << picture.title();
    EXPECT_EQ(read_markup(picture.file(), {}, {"style"}).problem, "");
  }
  for (const size_t i : {0, 1, 2, 3, 6, 7}) {
    EXPECT_NE(read(pictures[i]).text.find("(nats)"), std::string::npos) << pictures[i].title();
  }
}

TEST(FigurePictures, NamesCannotBecomeMarkup) {
  const std::string evil = "<script>alert(1)</script>&\"'";
  FrontierPanelSet set = sample_frontier();
  set.forget_set = set.cells[0].method = set.cells[0].settings = evil;
  std::vector<SvgCanvas> pictures = frontier_pictures(set);
  TrajectoryPanel panel = sample_trajectories();
  panel.heading = panel.x_label = evil;
  pictures.push_back(trajectory_picture(panel));
  LossCurve curve = sample_losses();
  curve.method = curve.x_label = evil;
  pictures.push_back(loss_picture(curve));
  auto points = sample_agreement();
  points[0].method = points[0].forget_set = evil;
  pictures.push_back(agreement_picture(points));
  auto curves = sample_curves();
  curves[0].method = evil;
  pictures.push_back(roc_picture(curves));
  for (const auto& picture : pictures) {
    read(picture);
    EXPECT_EQ(picture.embedded().find("<script"), std::string::npos);
  }
}

TEST(FigurePictures, BadDataAreRefused) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  FrontierPanelSet set = sample_frontier();
  set.cells[0].validation = kNan;
  EXPECT_THROW(frontier_pictures(set), NonFiniteError);
  TrajectoryPanel panel = sample_trajectories();
  panel.points.clear();
  EXPECT_THROW(trajectory_picture(panel), InputError);
  LossCurve curve = sample_losses();
  curve.forget_loss[0] = kNan;
  EXPECT_THROW(loss_picture(curve), NonFiniteError);
  EXPECT_THROW(agreement_picture({}), InputError);
  EXPECT_THROW(roc_picture({}), InputError);
}

}  // namespace
}  // namespace expunge
