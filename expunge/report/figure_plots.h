// The pictures of the figures, each also good as an SVG file of its own (SvgCanvas::file).
//
// Every function throws what check() of its data throws. `styles` keeps methods alike between
// pictures: methods that it does not hold are given the next free styles in order of appearance.
#pragma once

#include <vector>

#include "expunge/report/figure_data.h"
#include "expunge/report/method_style.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

/// Five pictures: KLoM P95 against cost on average and over the forget, retain and validation
/// points, both logarithmic (0 has a place), with the same limits; then the key. The best cell of
/// each method has a full mark and a label, where one fits without touching another; its other
/// cells are small and faint. Step lines are the Pareto frontiers of the baselines (with doing
/// nothing) and of ours (predictions and unlearners); the dashed line is the floor.
std::vector<SvgCanvas> frontier_pictures(const FrontierPanelSet& set, MethodStyles styles = {});

/// The likelihood of each point over time, logarithmic from 1e-6 to 1; what is below lies at the
/// bottom. Points that overshoot are red and thicker, the others thin and grey.
SvgCanvas trajectory_picture(const TrajectoryPanel& panel);

/// Forget, retain and validation loss over time, logarithmic; a dashed line is where each starts.
/// What is below 1e-4 nats lies at the bottom.
SvgCanvas loss_picture(const LossCurve& curve);

/// Attack accuracy with its interval against mean KLoM of the forget points (logarithmic, 0 has a
/// place). With several forget sets a method's first mark is labelled. A key stands below then, and
/// where not every method could be labelled.
SvgCanvas agreement_picture(const std::vector<AgreementPoint>& points, MethodStyles styles = {});

/// True against false positives, both logarithmic from 1e-3 to 1, with the diagonal of guessing.
/// A method's mark stands where its curve begins and at each power of ten. A key stands below where
/// not every curve could be labelled.
SvgCanvas roc_picture(const std::vector<RocCurve>& curves, MethodStyles styles = {});

}  // namespace expunge
