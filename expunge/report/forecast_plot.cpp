#include "expunge/report/forecast_plot.h"

#include "expunge/core/error.h"
#include "expunge/report/klom_axes.h"
#include "expunge/report/svg_plot.h"

namespace expunge {

SvgCanvas forecast_picture(const std::vector<ForecastMark>& marks, PointGroup group) {
  if (marks.empty()) fail<InputError>("forecast picture: at least one mark required, got none");
  std::vector<double> values;
  PlotOptions options;
  options.heading = group_heading(group);
  options.title = options.heading + ": forecast KLoM against measured";
  for (const auto& mark : marks) {
    if (!(mark.low <= mark.forecast && mark.forecast <= mark.high)) {
      fail<InputError>("forecast picture: {}: an interval around {} required, got {} to {}",
                       mark.forget_set, mark.forecast, mark.low, mark.high);
    }
    for (const double value : {mark.measured, mark.forecast, mark.low, mark.high})
      values.push_back(value);
    options.description +=
        fmt::format("{}: forecast {:.2f} ({:.2f} to {:.2f}), measured {:.2f}. ", mark.forget_set,
                    mark.forecast, mark.low, mark.high, mark.measured);
  }
  const AxisScale scale = klom_scale(values);
  options.x = klom_axis(scale);
  options.y = klom_axis(scale);
  options.x.label = "measured KLoM P95 (nats)";
  options.y.label = "forecast KLoM P95 (nats)";
  options.drop_crowded = true;

  SvgPlot plot(options);
  plot.line({scale.low(), scale.high()}, {scale.low(), scale.high()}, Ink::oracle,
            LineWeight::dashed);
  for (const auto& mark : marks)
    plot.interval(drawn_klom(mark.measured), drawn_klom(mark.low), drawn_klom(mark.high),
                  Ink::predicted);
  for (const auto& mark : marks) {
    plot.mark(drawn_klom(mark.measured), drawn_klom(mark.forecast), {Ink::predicted},
              mark.forget_set);
  }
  return plot.picture();
}

}  // namespace expunge
