// The report's pictures, each also good as an SVG file of its own (SvgCanvas::file).
#pragma once

#include <string>

#include "expunge/report/report_data.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

/// KLoM P95 on one group against cost as a share of one training, both logarithmic (0 has a place),
/// with intervals as bars and the floor as a line. Methods without a counted cost are left
/// out. The limits are those of all three groups, so that the three pictures compare.
SvgCanvas cost_picture(const ForgetSetSection& section, PointGroup group);

/// The margin distributions of one point: a row a method, with the oracles' outline in each.
/// `heading` is printed above them; a page that has words and an image of the point beside the
/// picture needs none.
SvgCanvas margin_picture(const MarginExample& example, const std::string& heading = "");

/// Held-out error against lambda, the chosen one marked.
SvgCanvas penalty_picture(const PenaltyCurve& curve);

}  // namespace expunge
