#include "expunge/report/figure_plots.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <set>

#include "expunge/core/error.h"
#include "expunge/report/klom_axes.h"
#include "expunge/report/pareto.h"
#include "expunge/report/plot_key.h"
#include "expunge/report/report_words.h"

namespace expunge {
namespace {

constexpr double kWidth = 340;
constexpr double kLeastLikelihood = 1e-6, kLeastLoss = 1e-4, kLeastRate = 1e-3;

MarkStyle mark_style(const MethodStyle& style, bool faint = false) {
  return {style.ink, style.marker, style.hollow, faint};
}

// ---------------------------------------------------------------- KLoM against cost

struct FrontierPanel {
  std::string heading;
  double FrontierCell::*klom;
};

const std::vector<FrontierPanel>& frontier_panels() {
  static const std::vector<FrontierPanel> panels = {
      {"Average of the three", &FrontierCell::average},
      {group_heading(PointGroup::forget), &FrontierCell::forget},
      {group_heading(PointGroup::retain), &FrontierCell::retain},
      {group_heading(PointGroup::validation), &FrontierCell::validation}};
  return panels;
}

bool is_baseline(MethodRole role) {
  return role == MethodRole::baseline || role == MethodRole::nothing;
}

bool is_ours(MethodRole role) {
  return role == MethodRole::prediction || role == MethodRole::unlearner;
}

/// What comes first keeps its label longest.
int label_rank(MethodRole role) {
  return is_ours(role) ? 0 : role == MethodRole::baseline ? 2 : 1;
}

/// The least KLoM that is to be had for each cost, as a flight of steps to the right end.
void draw_frontier(SvgPlot& plot, const FrontierPanelSet& set, const FrontierPanel& panel,
                   double end, Ink ink, const std::function<bool(MethodRole)>& belongs) {
  std::vector<double> costs, scores;
  for (const auto& cell : set.cells) {
    if (!belongs(cell.role)) continue;
    costs.push_back(cell.cost_share);
    scores.push_back(drawn_klom(cell.*panel.klom));
  }
  std::vector<double> xs, ys;
  for (const size_t i : pareto_frontier(costs, scores)) {
    if (!xs.empty()) {
      xs.push_back(costs[i]);
      ys.push_back(ys.back());
    }
    xs.push_back(costs[i]);
    ys.push_back(scores[i]);
  }
  if (xs.empty()) return;
  xs.push_back(end);
  ys.push_back(ys.back());
  plot.line(xs, ys, ink);
}

SvgCanvas frontier_picture(const FrontierPanelSet& set, const FrontierPanel& panel,
                           const AxisScale& costs, const AxisScale& scores,
                           const MethodStyles& styles) {
  PlotOptions options;
  options.width = kWidth;
  options.height = 400;
  options.heading = panel.heading;
  options.title = fmt::format("{}: KLoM against cost, {}", set.forget_set, panel.heading);
  options.x = cost_axis(costs);
  options.y = klom_axis(scores);
  options.drop_crowded = true;
  std::vector<const FrontierCell*> best;
  for (const auto& cell : set.cells) {
    if (!cell.best) continue;
    best.push_back(&cell);
    options.description += fmt::format("{}: KLoM {} at {}. ", cell.method,
                                       klom_text(cell.*panel.klom), share_text(cell.cost_share));
  }
  options.description += fmt::format("Floor: {}.", klom_text(set.floor));

  SvgPlot plot(options);
  plot.level(drawn_klom(set.floor), Ink::oracle, "floor " + klom_text(set.floor));
  draw_frontier(plot, set, panel, costs.high(), Ink::muted, is_baseline);
  draw_frontier(plot, set, panel, costs.high(), Ink::unlearned, is_ours);
  for (const auto& cell : set.cells) {
    if (cell.best) continue;
    plot.mark(cell.cost_share, drawn_klom(cell.*panel.klom),
              mark_style(styles.of(cell.method), true));
  }
  std::stable_sort(best.begin(), best.end(), [](const FrontierCell* a, const FrontierCell* b) {
    return label_rank(a->role) < label_rank(b->role);
  });
  // Marks from the last to the first, so that ours lie on top; labels the other way around.
  for (auto cell = best.rbegin(); cell != best.rend(); ++cell) {
    plot.mark((*cell)->cost_share, drawn_klom((*cell)->*panel.klom),
              mark_style(styles.of((*cell)->method)));
  }
  for (const auto* cell : best) {
    plot.label(cell->cost_share, drawn_klom(cell->*panel.klom), cell->method,
               styles.of(cell->method).ink);
  }
  return plot.picture();
}

SvgCanvas frontier_key(const FrontierPanelSet& set, const MethodStyles& styles) {
  std::vector<KeyEntry> entries;
  bool others = false, baselines = false, ours = false;
  for (const auto& cell : set.cells) {
    if (cell.best) {
      entries.push_back({cell.method, KeySample::mark, styles.of(cell.method)});
    } else {
      others = true;
    }
    baselines = baselines || is_baseline(cell.role);
    ours = ours || is_ours(cell.role);
  }
  if (others) {
    entries.push_back({"small: the same method, other settings",
                       KeySample::faint_mark,
                       {Ink::text, Marker::square, true}});
  }
  if (baselines) {
    entries.push_back({"the least KLoM of baselines at each cost",
                       KeySample::line,
                       {Ink::muted, Marker::square, true}});
  }
  if (ours) {
    entries.push_back({"the least KLoM of ours at each cost",
                       KeySample::line,
                       {Ink::unlearned, Marker::circle, false}});
  }
  entries.push_back({"floor: retraining against retraining",
                     KeySample::thin_line,
                     {Ink::oracle, Marker::diamond, false}});
  return key_picture(entries, kWidth, "Key", set.forget_set + ": key to KLoM against cost");
}

// ---------------------------------------------------------------- an attack

/// The plot, and below it a key of all methods if not every one of them could be labelled.
SvgCanvas with_key(const SvgPlot& plot, const std::vector<std::string>& methods,
                   const MethodStyles& styles, bool always = false) {
  SvgCanvas picture = plot.picture();
  if (!always && plot.left_out().empty()) return picture;
  std::vector<KeyEntry> entries;
  for (const auto& method : methods) {
    entries.push_back({method, KeySample::mark, styles.of(method)});
  }
  const SvgCanvas key = key_picture(entries, picture.width(), "", "");
  const double gap = 10;
  SvgCanvas both(picture.width(), picture.height() + gap + key.height(), picture.title(),
                 picture.description());
  both.add(picture, {0, 0});
  both.add(key, {0, picture.height() + gap});
  return both;
}

/// A curve as drawn: from where it enters the picture, with no rate below its edges.
struct DrawnCurve {
  std::vector<double> x, y;

  explicit DrawnCurve(const RocCurve& curve) {
    for (size_t i = 0; i < curve.false_positive.size(); ++i) {
      const double at = std::max(curve.false_positive[i], kLeastRate);
      const double rate = std::max(curve.true_positive[i], kLeastRate);
      if (at == kLeastRate && !x.empty()) {
        y.back() = rate;  // all within the edge: the highest counts
      } else {
        x.push_back(at);
        y.push_back(rate);
      }
    }
  }

  /// Its height at a rate of false positives, on the straight lines that the axes make of it.
  double at(double rate) const {
    const auto next = std::upper_bound(x.begin(), x.end(), rate);
    if (next == x.begin()) return y.front();
    const size_t i = next - x.begin();
    if (i == x.size() || x[i - 1] == rate) return y[i - 1];
    const double share = std::log(rate / x[i - 1]) / std::log(x[i] / x[i - 1]);
    return y[i - 1] * std::pow(y[i] / y[i - 1], share);
  }
};

}  // namespace

std::vector<SvgCanvas> frontier_pictures(const FrontierPanelSet& set, MethodStyles styles) {
  check(set);
  std::vector<double> costs, scores = {set.floor};
  for (const auto& cell : set.cells) {
    styles.add(cell.method, cell.role);
    costs.push_back(cell.cost_share);
    for (const auto& panel : frontier_panels()) scores.push_back(cell.*panel.klom);
  }
  const AxisScale cost_limits = cost_scale(costs), klom_limits = klom_scale(scores);
  std::vector<SvgCanvas> pictures;
  for (const auto& panel : frontier_panels()) {
    pictures.push_back(frontier_picture(set, panel, cost_limits, klom_limits, styles));
  }
  pictures.push_back(frontier_key(set, styles));
  return pictures;
}

SvgCanvas trajectory_picture(const TrajectoryPanel& panel) {
  check(panel);
  PlotOptions options;
  options.width = kWidth;
  options.height = 270;
  options.heading = panel.heading;
  options.note =
      fmt::format("{} of {} overshoot (thick red lines)", count_text(panel.counted_overshoots),
                  count_text(panel.counted_points));
  options.title = panel.heading + ": likelihood under the oracles over time";
  options.description =
      fmt::format("{} of {} points overshoot; {} are drawn.", count_text(panel.counted_overshoots),
                  count_text(panel.counted_points), count_text(panel.points.size()));
  options.x = {panel.x_label, AxisScale::linear(panel.time.front(), panel.time.back())};
  options.y = {"likelihood under the oracles (share of its peak)",
               AxisScale::logarithmic(kLeastLikelihood, 1), TickFormat::number, 4};
  SvgPlot plot(options);
  for (const bool overshoots : {false, true}) {
    for (const auto& point : panel.points) {
      if (point.overshoots != overshoots) continue;
      std::vector<double> drawn = point.likelihood;
      for (double& value : drawn) value = std::max(value, kLeastLikelihood);
      plot.line(panel.time, drawn, overshoots ? Ink::alert : Ink::muted,
                overshoots ? LineWeight::plain : LineWeight::thin);
    }
  }
  return plot.picture();
}

SvgCanvas loss_picture(const LossCurve& curve) {
  check(curve);
  struct Line {
    std::string name;
    Ink ink;
    LineWeight weight;
    std::vector<double> losses;
  };
  std::vector<Line> lines = {{"validation", Ink::muted, LineWeight::plain, curve.validation_loss},
                             {"retain", Ink::text, LineWeight::plain, curve.retain_loss},
                             {"forget", Ink::alert, LineWeight::thick, curve.forget_loss}};
  std::vector<double> all;
  PlotOptions options;
  for (auto& line : lines) {
    options.description += fmt::format("{}: from {:.3g} to {:.3g}. ", line.name,
                                       line.losses.front(), line.losses.back());
    for (double& loss : line.losses) loss = std::max(loss, kLeastLoss);
    all.insert(all.end(), line.losses.begin(), line.losses.end());
  }
  // Some room below, so that no line runs along the axis.
  all.push_back(*std::min_element(all.begin(), all.end()) * 0.8);
  options.width = kWidth;
  options.height = 250;
  options.heading = curve.method;
  options.note = "dashed: where the full model starts";
  options.title = curve.method + ": loss over time";
  options.x = {curve.x_label, AxisScale::linear(curve.time.front(), curve.time.back())};
  options.y = {"loss (nats)", AxisScale::nice_logarithmic(all), TickFormat::number, 5};
  options.label_room = 66;
  SvgPlot plot(options);
  for (const auto& line : lines) plot.level(line.losses.front(), line.ink, "");
  for (const auto& line : lines) plot.line(curve.time, line.losses, line.ink, line.weight);
  for (const auto& line : lines) {
    plot.label(curve.time.back(), line.losses.back(), line.name, line.ink, 4);
  }
  return plot.picture();
}

SvgCanvas agreement_picture(const std::vector<AgreementPoint>& points, MethodStyles styles) {
  check(points);
  PlotOptions options;
  std::vector<double> scores;
  std::vector<std::string> methods;
  double lowest = 0.5;
  std::set<std::string> sets, known;
  for (const auto& point : points) {
    styles.add(point.method, point.role);
    if (known.insert(point.method).second) methods.push_back(point.method);
    sets.insert(point.forget_set);
    scores.push_back(point.klom);
    lowest = std::min(lowest, point.low);
    options.description +=
        fmt::format("{}, {}: KLoM {}, accuracy {}. ", point.method, point.forget_set,
                    klom_text(point.klom), share_text(point.attack_accuracy));
  }
  options.width = kWidth;
  options.height = 300;
  options.title = "Accuracy of the attack against KLoM";
  options.x = {"mean KLoM of forgotten examples (nats)", klom_scale(scores), TickFormat::number, 5};
  options.y = {"accuracy of the attack", AxisScale::nice_linear(lowest, 1, 5), TickFormat::share};
  options.drop_crowded = true;
  SvgPlot plot(options);
  plot.level(0.5, Ink::muted, "guessing");
  for (const auto& point : points) {
    plot.interval(drawn_klom(point.klom), point.low, point.high, styles.of(point.method).ink);
  }
  for (const auto& point : points) {
    plot.mark(drawn_klom(point.klom), point.attack_accuracy, mark_style(styles.of(point.method)));
  }
  // With several forget sets a method has several marks: its first one is labelled, and the key
  // tells the others apart.
  for (const auto& point : points) {
    if (known.erase(point.method) == 0) continue;
    plot.label(drawn_klom(point.klom), point.attack_accuracy, point.method,
               styles.of(point.method).ink);
  }
  return with_key(plot, methods, styles, sets.size() > 1);
}

SvgCanvas roc_picture(const std::vector<RocCurve>& curves, MethodStyles styles) {
  check(curves);
  PlotOptions options;
  std::vector<std::string> methods;
  std::vector<DrawnCurve> drawn;
  for (const auto& curve : curves) {
    styles.add(curve.method, curve.role);
    methods.push_back(curve.method);
    drawn.emplace_back(curve);
    options.description += fmt::format("{}: {} found at 1% false positives. ", curve.method,
                                       share_text(drawn.back().at(0.01)));
  }
  options.width = kWidth;
  options.height = 330;
  options.title = "True against false positives of the attack";
  options.x = {"false positives", AxisScale::logarithmic(kLeastRate, 1), TickFormat::share, 4};
  options.y = {"true positives", AxisScale::logarithmic(kLeastRate, 1), TickFormat::share, 4};
  options.drop_crowded = true;
  SvgPlot plot(options);
  plot.line({kLeastRate, 1}, {kLeastRate, 1}, Ink::muted, LineWeight::dashed);
  for (size_t i = 0; i < curves.size(); ++i) {
    plot.line(drawn[i].x, drawn[i].y, styles.of(curves[i].method).ink);
  }
  for (size_t i = 0; i < curves.size(); ++i) {
    for (const double rate : {kLeastRate, 1e-2, 1e-1}) {
      if (rate < drawn[i].x.front()) continue;
      plot.mark(rate, drawn[i].at(rate), mark_style(styles.of(curves[i].method)));
    }
  }
  for (size_t i = 0; i < curves.size(); ++i) {
    plot.label(drawn[i].x.front(), drawn[i].y.front(), curves[i].method,
               styles.of(curves[i].method).ink);
  }
  plot.label(0.1, 0.1, "guessing", Ink::muted, 6);
  return with_key(plot, methods, styles);
}

}  // namespace expunge
