// Small data for every figure, and what tests read from a picture.
#pragma once

#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "expunge/report/figure_data.h"
#include "expunge/report/label_layout.h"
#include "expunge/report/svg_canvas.h"
#include "report/markup_check.h"

namespace expunge {

inline FrontierCell cell(const std::string& method, MethodRole role, double cost, double forget,
                         bool best) {
  return {method,       role,         "learning_rate 5e-3, epochs 5",
          cost,         forget * 0.7, forget,
          forget * 0.6, forget * 0.5, best};
}

inline FrontierPanelSet sample_frontier() {
  return {"first",
          "ten examples",
          {cell("do nothing", MethodRole::nothing, 0, 10, true),
           cell("SCRUB", MethodRole::baseline, 0.05, 3, true),
           cell("SCRUB", MethodRole::baseline, 0.2, 2.5, false),
           cell("SCRUB", MethodRole::baseline, 0.3, 6, false),
           cell("ascent", MethodRole::baseline, 0.02, 6, true),
           cell("dm-direct", MethodRole::prediction, 0, 0.9, true),
           cell("DMM", MethodRole::unlearner, 0.04, 0.8, true),
           cell("DMM", MethodRole::unlearner, 0.4, 0.7, false),
           cell("oracle matching", MethodRole::reference, 0.04, 0.6, true),
           cell("retraining", MethodRole::floor, 1, 0.5, true)},
          0.5};
}

/// Twelve methods with seven cells each, many of them near one another.
inline FrontierPanelSet crowded_frontier() {
  FrontierPanelSet set{"crowded", "", {}, 0.4};
  for (int method = 0; method < 12; ++method) {
    for (int i = 0; i < 7; ++i) {
      set.cells.push_back(cell("baseline number " + std::to_string(method), MethodRole::baseline,
                               0.03 * (1 + 0.05 * method + 0.2 * i),
                               2 + 0.08 * method + 0.3 * ((i * 5) % 7), i == 0));
    }
  }
  return set;
}

inline TrajectoryPanel sample_trajectories() {
  return {"SCRUB, forgotten examples",
          PointGroup::forget,
          "epochs",
          {0, 1, 4},
          {{3, true, {1e-3, 1, 1e-9}}, {7, false, {1e-4, 0.01, 0.5}}, {8, false, {0, 0.5, 1}}},
          1500,
          400};
}

inline LossCurve sample_losses() {
  return {"SCRUB",      MethodRole::baseline, "epochs",       {0, 2, 8},
          {0.01, 1, 4}, {0.01, 0.02, 0.05},   {0.3, 0.3, 0.4}};
}

inline std::vector<AgreementPoint> sample_agreement() {
  return {{"do nothing", MethodRole::nothing, "first", 8, 0.9, 0.87, 0.93},
          {"SCRUB", MethodRole::baseline, "first", 2, 0.7, 0.66, 0.74},
          {"DMM", MethodRole::unlearner, "first", 0.4, 0.53, 0.49, 0.57},
          {"retraining", MethodRole::floor, "first", 0, 0.5, 0.46, 0.54}};
}

inline std::vector<RocCurve> sample_curves() {
  return {{"do nothing", MethodRole::nothing, {0, 5e-4, 0.1, 1}, {0, 0.2, 0.8, 1}},
          {"DMM", MethodRole::unlearner, {0, 0.01, 1}, {0, 0.01, 1}}};
}

// ---------------------------------------------------------------- reading a picture

inline bool has_class(const MarkupElement& element, const std::string& name) {
  std::istringstream classes(attribute(element, "class"));
  for (std::string each; classes >> each;) {
    if (each == name) return true;
  }
  return false;
}

/// Elements with all of these classes.
inline std::vector<MarkupElement> with_classes(const MarkupResult& markup, const std::string& name,
                                               const std::vector<std::string>& classes) {
  std::vector<MarkupElement> found;
  for (const auto& element : markup.elements) {
    bool all = element.name == name;
    for (const auto& each : classes) all = all && has_class(element, each);
    if (all) found.push_back(element);
  }
  return found;
}

inline std::vector<Point> points_of(const MarkupElement& element) {
  std::istringstream in(attribute(element, "points"));
  std::vector<Point> points;
  Point point;
  char comma = 0;
  while (in >> point.x >> comma >> point.y) points.push_back(point);
  return points;
}

struct DirectLabelText {
  std::string text;
  Box box;
};

/// The direct labels of a picture and where they stand, by the widths that the layout counts with.
inline std::vector<DirectLabelText> direct_labels(const MarkupResult& markup) {
  std::vector<DirectLabelText> labels;
  for (const auto& element : with_classes(markup, "text", {"label", "halo"})) {
    const double width = text_width(element.text, plot_font_size) * 1.06;
    const std::string anchor = attribute(element, "text-anchor");
    const double share = anchor == "start" ? 0 : anchor == "end" ? 1 : 0.5;
    labels.push_back({element.text,
                      {std::stod(attribute(element, "x")) - share * width,
                       std::stod(attribute(element, "y")) - 10.5, width, 14}});
  }
  return labels;
}

}  // namespace expunge
