// A comparison's pictures.
#pragma once

#include <vector>

#include "expunge/convex/comparison.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

/// Distance against steps, measurements as lines and theory dashed in the same ink: methods that use all
/// examples, stochastic ones, and the key. What is below 1e-13 or above 100 is not drawn.
std::vector<SvgCanvas> curve_pictures(const ConvexComparison& comparison);

/// Squared distance in the noise ball against the step, both logarithmic; InputError without noise balls.
SvgCanvas ball_picture(const ConvexComparison& comparison);

/// All of them, as one file.
std::string comparison_svg(const ConvexComparison& comparison);

}  // namespace expunge
