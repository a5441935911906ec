// What was forecast before retraining, and what came of it: the table, the pictures and the report's section.
#pragma once

#include <string>
#include <vector>

#include "expunge/report/report_data.h"
#include "expunge/report/svg_canvas.h"
#include "expunge/report/text_table.h"

namespace expunge {

/// A line a row; columns of measurements where there is one.
TextTable forecast_table(const ForecastSection& section);

/// Forecasts against measurements, one picture for each group that has any.
std::vector<SvgCanvas> forecast_pictures(const ForecastSection& section);

/// A <section>: how to read it, the table, pictures where something was measured, warnings.
std::string forecast_html(const ForecastSection& section);

}  // namespace expunge
