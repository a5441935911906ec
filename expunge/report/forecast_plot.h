// Forecast KLoM against what came of it.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_data.h"
#include "expunge/report/svg_canvas.h"

namespace expunge {

/// One forget set's KLoM (P95) on one group of points, in nats.
struct ForecastMark {
  std::string forget_set;
  double measured = 0;
  double forecast = 0, low = 0, high = 0;  ///< the forecast with its 95% interval
};

/// Forecasts upwards, measurements to the right, both logarithmic and from the same limits; on the line
/// they are equal. InputError for no marks or an interval that does not hold its forecast, NonFiniteError.
SvgCanvas forecast_picture(const std::vector<ForecastMark>& marks, PointGroup group);

}  // namespace expunge
