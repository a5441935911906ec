#include "expunge/report/klom_axes.h"

#include "expunge/core/error.h"

namespace expunge {

double drawn_klom(double klom) {
  return klom < 1e-3 ? 0 : klom;
}

AxisScale klom_scale(const std::vector<double>& values) {
  std::vector<double> drawn;
  for (const double value : values) drawn.push_back(drawn_klom(value));
  return AxisScale::nice_logarithmic(drawn);
}

AxisScale cost_scale(const std::vector<double>& cost_shares) {
  std::vector<double> values = {0.01, 1};
  values.insert(values.end(), cost_shares.begin(), cost_shares.end());
  return AxisScale::nice_logarithmic(values);
}

AxisOptions klom_axis(const AxisScale& scale) {
  return {"KLoM P95 (nats)", scale, TickFormat::number, 6};
}

AxisOptions cost_axis(const AxisScale& scale) {
  return {"cost of a request (one training = 100%)", scale, TickFormat::share, 4};
}

std::string group_heading(PointGroup group) {
  switch (group) {
    case PointGroup::forget:
      return "Forgotten examples";
    case PointGroup::retain:
      return "Retained examples";
    case PointGroup::validation:
      return "Validation examples";
  }
  fail<InputError>("point group: expected forget, retain or validation, got {}",
                   static_cast<int>(group));
}

}  // namespace expunge
