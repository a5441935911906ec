#include "expunge/report/axis.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "nan.h"

namespace expunge {
namespace {

std::vector<std::string> labels_of(const std::vector<Tick>& ticks) {
  std::vector<std::string> labels;
  for (const auto& tick : ticks) {
    if (!tick.label.empty()) labels.push_back(tick.label);
  }
  return labels;
}

using Labels = std::vector<std::string>;

TEST(Axis, StepsAreOneTwoOrFiveTimesAPowerOfTen) {
  EXPECT_DOUBLE_EQ(nice_step(10, 5), 2);
  EXPECT_DOUBLE_EQ(nice_step(1, 5), 0.2);
  EXPECT_DOUBLE_EQ(nice_step(100, 2), 50);
  EXPECT_DOUBLE_EQ(nice_step(0.0093, 9), 0.001);
  EXPECT_DOUBLE_EQ(nice_step(95, 10), 10);
  for (double range = 1e-7; range < 1e7; range *= 1.37) {
    const double step = nice_step(range, 5);
    const double digit = step / std::pow(10, std::floor(std::log10(step) + 1e-9));
    EXPECT_TRUE(std::abs(digit - 1) < 1e-9 || std::abs(digit - 2) < 1e-9 ||
                std::abs(digit - 5) < 1e-9)
        << range;
    EXPECT_GE(range / step, 3) << range;
    EXPECT_LE(range / step, 8) << range;
  }
}

TEST(Axis, LinearTicksAreExactMultiplesInsideTheLimits) {
  const auto ticks = AxisScale::linear(-0.3, 0.5).ticks(4);
  EXPECT_EQ(labels_of(ticks), (Labels{"−0.2", "0", "0.2", "0.4"}));
  EXPECT_EQ(ticks[1].value, 0.0) << "zero is zero, not what is left of a sum";
  EXPECT_EQ(labels_of(AxisScale::linear(0, 12).ticks(6)),
            (Labels{"0", "2", "4", "6", "8", "10", "12"}));
  EXPECT_EQ(labels_of(AxisScale::linear(0, 1).ticks(2, TickFormat::share)),
            (Labels{"0%", "50%", "100%"}));
}

TEST(Axis, NiceLimitsEnclose) {
  const AxisScale scale = AxisScale::nice_linear(-6.3, 11.2, 6);
  EXPECT_DOUBLE_EQ(scale.low(), -8);
  EXPECT_DOUBLE_EQ(scale.high(), 12);
  const AxisScale same = AxisScale::nice_linear(-8, 10, 6);
  EXPECT_DOUBLE_EQ(same.low(), -8) << "limits that are nice already stay";
  EXPECT_DOUBLE_EQ(same.high(), 10);
}

TEST(Axis, ASingleValueLiesInTheMiddle) {
  for (const double value : {0.0, 3.0, -1e6}) {
    EXPECT_DOUBLE_EQ(AxisScale::linear(value, value).position(value), 0.5);
    const AxisScale nice = AxisScale::nice_linear(value, value);
    EXPECT_LT(nice.low(), value);
    EXPECT_GT(nice.high(), value);
  }
  EXPECT_DOUBLE_EQ(AxisScale::logarithmic(7, 7).position(7), 0.5);
}

TEST(Axis, LogarithmicPositionIsTheLogarithmsShare) {
  const AxisScale scale = AxisScale::logarithmic(0.01, 100);
  EXPECT_DOUBLE_EQ(scale.position(0.01), 0);
  EXPECT_NEAR(scale.position(1), 0.5, 1e-12);
  EXPECT_NEAR(scale.position(10), 0.75, 1e-12);
  EXPECT_DOUBLE_EQ(scale.position(100), 1);
}

TEST(Axis, ZeroHasItsOwnPlaceOnALogarithmicAxis) {
  const AxisScale scale = AxisScale::logarithmic(0.01, 1, 0.2);
  EXPECT_DOUBLE_EQ(scale.position(0), 0.1);
  EXPECT_DOUBLE_EQ(scale.position(0.01), 0.2);
  EXPECT_NEAR(scale.position(0.1), 0.6, 1e-12);
  EXPECT_DOUBLE_EQ(scale.position(1), 1);
  EXPECT_EQ(labels_of(scale.ticks(4, TickFormat::share)), (Labels{"0%", "1%", "10%", "100%"}));
}

TEST(Axis, LogarithmicTicks) {
  EXPECT_EQ(labels_of(AxisScale::logarithmic(0.2, 10).ticks(6)),
            (Labels{"0.2", "0.5", "1", "2", "5", "10"}));
  EXPECT_EQ(labels_of(AxisScale::logarithmic(32, 32768).ticks(4)),
            (Labels{"100", "1,000", "10,000"}));
  EXPECT_EQ(labels_of(AxisScale::logarithmic(1e-8, 1e4).ticks(4)),
            (Labels{"1e-6", "0.001", "1", "1,000"}));
  // Minor ticks: 2 to 9 of each decade.
  EXPECT_EQ(AxisScale::logarithmic(1, 1000).ticks(3).size(), 28u);
  // Less than a decade without a power of ten is not left without numbers.
  EXPECT_EQ(labels_of(AxisScale::logarithmic(2, 5).ticks(5)), (Labels{"2", "3", "4", "5"}));
}

TEST(Axis, NiceLogarithmicLimitsAreOneTwoFive) {
  const AxisScale scale = AxisScale::nice_logarithmic({0.47, 9.67, 0.7});
  EXPECT_DOUBLE_EQ(scale.low(), 0.2);
  EXPECT_DOUBLE_EQ(scale.high(), 10);
  EXPECT_EQ(scale.zero_share(), 0);
  EXPECT_GT(AxisScale::nice_logarithmic({0, 0.5}).zero_share(), 0);
  const AxisScale exact = AxisScale::nice_logarithmic({0.01, 1});
  EXPECT_DOUBLE_EQ(exact.low(), 0.01);
  EXPECT_DOUBLE_EQ(exact.high(), 1);
  EXPECT_DOUBLE_EQ(AxisScale::nice_logarithmic({}).high(), 1);
}

TEST(Axis, Labels) {
  EXPECT_EQ(tick_label(0.25, 0.05), "0.25");
  EXPECT_EQ(tick_label(20, 10), "20");
  EXPECT_EQ(tick_label(-3, 1), "−3");
  EXPECT_EQ(tick_label(1e6, 1e6), "1e6");
  EXPECT_EQ(tick_label(1e-5, 1e-5), "1e-5");
  EXPECT_EQ(tick_label(0.05, 0.01, TickFormat::share), "5%");
  EXPECT_EQ(tick_label(0.001, 0.001, TickFormat::share), "0.1%");
}

TEST(Axis, RefusesWhatHasNoPlace) {
  EXPECT_THROW(AxisScale::linear(kNan, 1), NonFiniteError);
  EXPECT_THROW(AxisScale::linear(0, INFINITY), NonFiniteError);
  EXPECT_THROW(AxisScale::linear(2, 1), InputError);
  EXPECT_THROW(AxisScale::logarithmic(0, 1), InputError);
  EXPECT_THROW(AxisScale::logarithmic(0.1, 1, 1), InputError);
  EXPECT_THROW(AxisScale::nice_logarithmic({1, kNan}), NonFiniteError);
  EXPECT_THROW(AxisScale::nice_logarithmic({1, -1}), InputError);
  EXPECT_THROW(AxisScale::linear(0, 1).position(kNan), NonFiniteError);
  EXPECT_THROW(AxisScale::logarithmic(0.1, 1).position(0), InputError);
  EXPECT_THROW(AxisScale::logarithmic(0.1, 1, 0.1).position(-1), InputError);
}

}  // namespace
}  // namespace expunge
