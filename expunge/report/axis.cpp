#include "expunge/report/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "expunge/core/error.h"

namespace expunge {
namespace {

void require_finite(double value, const char* what) {
  if (!std::isfinite(value))
    fail<NonFiniteError>("{}: expected a finite number, got {}", what, value);
}

void require_limits(double low, double high) {
  require_finite(low, "lower limit of an axis");
  require_finite(high, "upper limit of an axis");
  if (low > high)
    fail<InputError>("axis: expected lower limit <= upper limit, got {} > {}", low, high);
}

/// Tolerance for "is this tick still inside": a rounding error of the division, not a pixel.
constexpr double kSlack = 1e-9;

/// Largest (direction -1) or smallest (+1) of 1, 2, 5 x 10^k at or beyond `value` > 0.
double nice_bound(double value, int direction) {
  const int power = static_cast<int>(std::floor(std::log10(value)));
  const double ladder[] = {std::pow(10, power - 1) * 5, std::pow(10, power),
                           std::pow(10, power) * 2,     std::pow(10, power) * 5,
                           std::pow(10, power + 1),     std::pow(10, power + 1) * 2};
  if (direction > 0) {
    for (const double step : ladder) {
      if (step >= value * (1 - kSlack)) return step;
    }
    return ladder[5];
  }
  for (auto step = std::rbegin(ladder); step != std::rend(ladder); ++step) {
    if (*step <= value * (1 + kSlack)) return *step;
  }
  return ladder[0];
}

}  // namespace

AxisScale AxisScale::linear(double low, double high) {
  require_limits(low, high);
  if (low == high) {
    const double half = low == 0 ? 0.5 : std::abs(low) * 0.05;
    return AxisScale(false, low - half, high + half, 0);
  }
  return AxisScale(false, low, high, 0);
}

AxisScale AxisScale::logarithmic(double low, double high, double zero_share) {
  require_limits(low, high);
  if (low <= 0) fail<InputError>("logarithmic axis: expected limits above 0, got {}", low);
  if (!(zero_share >= 0 && zero_share < 1)) {
    fail<InputError>("logarithmic axis: expected zero_share in [0, 1), got {}", zero_share);
  }
  if (low == high) return AxisScale(true, low / 2, high * 2, zero_share);
  return AxisScale(true, low, high, zero_share);
}

AxisScale AxisScale::nice_linear(double low, double high, int wanted_ticks) {
  const AxisScale tight = linear(low, high);
  const double step = nice_step(tight.high_ - tight.low_, wanted_ticks);
  return linear(std::floor(tight.low_ / step + kSlack) * step,
                std::ceil(tight.high_ / step - kSlack) * step);
}

AxisScale AxisScale::nice_logarithmic(const std::vector<double>& values) {
  double low = 0, high = 0;
  bool zero = false;
  for (const double value : values) {
    require_finite(value, "value on a logarithmic axis");
    if (value < 0) fail<InputError>("logarithmic axis: expected values >= 0, got {}", value);
    if (value == 0) zero = true;
    if (value > 0) {
      low = low == 0 ? value : std::min(low, value);
      high = std::max(high, value);
    }
  }
  const double share = zero ? 0.19 : 0;
  if (high == 0) return logarithmic(0.1, 1, share);
  return logarithmic(nice_bound(low, -1), nice_bound(high, +1), share);
}

double AxisScale::position(double value) const {
  require_finite(value, "value on an axis");
  if (!logarithmic_) return (value - low_) / (high_ - low_);
  if (value == 0 && zero_share_ > 0) return zero_share_ / 2;
  if (value <= 0) fail<InputError>("logarithmic axis: expected a value above 0, got {}", value);
  return zero_share_ + (1 - zero_share_) * std::log(value / low_) / std::log(high_ / low_);
}

std::vector<Tick> AxisScale::ticks(int wanted, TickFormat format) const {
  return logarithmic_ ? logarithmic_ticks(wanted, format) : linear_ticks(wanted, format);
}

std::vector<Tick> AxisScale::linear_ticks(int wanted, TickFormat format) const {
  const double step = nice_step(high_ - low_, wanted);
  std::vector<Tick> ticks;
  // Counted in whole steps, so that the tick at 0 is 0 and not what is left of a sum.
  const double last = std::floor(high_ / step + kSlack);
  for (double i = std::ceil(low_ / step - kSlack); i <= last; ++i) {
    ticks.push_back({i * step, tick_label(i * step, step, format)});
  }
  return ticks;
}

std::vector<Tick> AxisScale::logarithmic_ticks(int wanted, TickFormat format) const {
  const int first = static_cast<int>(std::floor(std::log10(low_) + kSlack));
  const int last = static_cast<int>(std::floor(std::log10(high_) + kSlack));
  const double decades = std::log10(high_ / low_);
  const int stride = std::max(1, static_cast<int>(std::ceil(decades / std::max(wanted, 2))));
  std::vector<Tick> ticks;
  if (zero_share_ > 0) ticks.push_back({0, tick_label(0, 1, format)});
  for (int power = first; power <= last; ++power) {
    const double unit = std::pow(10, power);
    for (int digit = 1; digit <= 9; ++digit) {
      const double value = digit * unit;
      if (value < low_ * (1 - kSlack) || value > high_ * (1 + kSlack)) continue;
      const bool whole_power = digit == 1 && power % stride == 0;
      const bool between = 3 * decades <= wanted + 0.5 && (digit == 2 || digit == 5);
      if (whole_power || between || decades < 0.6) {
        ticks.push_back({value, tick_label(value, unit, format)});
      } else if (decades <= 6) {
        ticks.push_back({value, ""});
      }
    }
  }
  return ticks;
}

double nice_step(double range, int wanted) {
  const double rough = range / std::max(wanted, 1);
  const double unit = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    // The geometric middle between steps decides, which keeps the count nearest to what is wanted.
    if (rough / unit <= factor * (factor == 2 ? 1.58 : 1.42)) return factor * unit;
  }
  return 10 * unit;
}

std::string tick_label(double value, double step, TickFormat format) {
  const bool share = format == TickFormat::share;
  const double shown = std::abs(share ? value * 100 : value);
  const char* sign = value < 0 ? "\u2212" : "";
  const double resolution = share ? step * 100 : step;
  const char* unit = share ? "%" : "";
  if (shown == 0) return fmt::format("0{}", unit);
  if (shown >= 1e5 || shown < 1e-4) {
    // 1e-05 -> 1e-5: the exponent's padding says nothing.
    std::string text = fmt::format("{:.3g}", shown);
    if (text.find('e') == std::string::npos) text = fmt::format("{:.0e}", shown);
    const size_t digits = text.find('e') + 2;
    while (text.size() > digits + 1 && text[digits] == '0') text.erase(digits, 1);
    if (text[digits - 1] == '+') text.erase(digits - 1, 1);
    return sign + text + unit;
  }
  if (shown >= 1e3 && resolution >= 1) {
    const auto whole = static_cast<int64_t>(std::llround(shown));
    return fmt::format("{}{},{:03}{}", sign, whole / 1000, whole % 1000, unit);
  }
  const int decimals = std::max(0, -static_cast<int>(std::floor(std::log10(resolution) + kSlack)));
  return fmt::format("{}{:.{}f}{}", sign, shown, decimals, unit);
}

}  // namespace expunge
