// Scales and ticks: which numbers an axis names, and where a value lies on it.
#pragma once

#include <string>
#include <vector>

namespace expunge {

enum class TickFormat {
  number,  ///< 0.5, 20, 1e6
  share,   ///< a share of 1 as percent: 0.05 -> 5%
};

struct Tick {
  double value = 0;
  std::string label;  ///< empty for a minor tick
};

/// Maps values to [0, 1] along an axis. Values outside the limits map outside [0, 1].
class AxisScale {
 public:
  /// From low to high; where they are equal, widened evenly so that a single value lies in the
  /// middle. Throws NonFiniteError for NaN and infinity, InputError if low > high.
  static AxisScale linear(double low, double high);
  /// Logarithmic from low to high, equal limits widened to half and double. The first `zero_share`
  /// of the axis is set apart for values that are exactly 0 (a cost of nothing has a place too),
  /// which lie at its middle.
  /// Throws NonFiniteError for NaN and infinity, InputError unless 0 < low <= high and
  /// 0 <= zero_share < 1.
  static AxisScale logarithmic(double low, double high, double zero_share = 0);

  /// The smallest linear scale around [low, high] whose ends are ticks.
  static AxisScale nice_linear(double low, double high, int wanted_ticks = 5);
  /// The logarithmic scale around all positive `values` with ends at 1, 2 or 5 times a power of
  /// ten, and a place for zero if a value is 0. Without a positive value: from 0.1 to 1.
  /// Throws NonFiniteError for NaN and infinity, InputError for a negative value.
  static AxisScale nice_logarithmic(const std::vector<double>& values);

  /// Throws NonFiniteError for NaN and infinity; InputError for a value that a logarithmic scale
  /// has no place for (negative, or 0 without zero_share).
  double position(double value) const;

  /// Ascending ticks within the limits. Linear: multiples of 1, 2 or 5 times a power of ten, about
  /// `wanted` of them. Logarithmic: powers of ten (every second, third, ... where they are many;
  /// 2 and 5 times a power too where they are few), with minor ticks between neighbouring powers;
  /// 0 first if it has a place.
  std::vector<Tick> ticks(int wanted, TickFormat format = TickFormat::number) const;

  bool is_logarithmic() const { return logarithmic_; }
  double low() const { return low_; }
  double high() const { return high_; }
  double zero_share() const { return zero_share_; }

 private:
  AxisScale(bool logarithmic, double low, double high, double zero_share)
      : logarithmic_(logarithmic), low_(low), high_(high), zero_share_(zero_share) {}
  std::vector<Tick> linear_ticks(int wanted, TickFormat format) const;
  std::vector<Tick> logarithmic_ticks(int wanted, TickFormat format) const;

  bool logarithmic_;
  double low_, high_, zero_share_;
};

/// 1, 2 or 5 times a power of ten, so that about `wanted` steps fill `range` (> 0).
double nice_step(double range, int wanted);

/// `value` in as few digits as tell it apart at resolution `step` ("0.5", "20", "2,000", "1e6";
/// a real minus sign, U+2212, before negative ones).
std::string tick_label(double value, double step, TickFormat format = TickFormat::number);

}  // namespace expunge
