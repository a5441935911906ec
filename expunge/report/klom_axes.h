// The axes that all plots of KLoM share.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_data.h"
#include "expunge/report/svg_plot.h"

namespace expunge {

/// KLoM as drawn: what rounds to nothing, or lies a little below it, is nothing.
double drawn_klom(double klom);

/// The logarithmic scale around all values as drawn, with a place for 0 if one is.
AxisScale klom_scale(const std::vector<double>& values);
/// The logarithmic scale of costs, as shares of one training, from at most 1% to at least 100%.
AxisScale cost_scale(const std::vector<double>& cost_shares);

/// "KLoM P95 (nats)" and "cost of a request (one training = 100%)" on these scales.
AxisOptions klom_axis(const AxisScale& scale);
AxisOptions cost_axis(const AxisScale& scale);

/// "Forgotten examples", "Retained examples", "Validation examples".
std::string group_heading(PointGroup group);

}  // namespace expunge
