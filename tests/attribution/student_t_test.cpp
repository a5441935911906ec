// Against printed tables (Abramowitz and Stegun, table 26.10) and closed forms.
#include "expunge/attribution/student_t.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "expunge/core/error.h"

namespace expunge {
namespace {

TEST(StudentT, TailsAreThoseOfPrintedTables) {
  EXPECT_NEAR(student_t_tail(2.228, 10), 0.05, 2e-5);
  EXPECT_NEAR(student_t_tail(4.587, 10), 0.001, 1e-6);
  EXPECT_NEAR(student_t_tail(1.980, 120), 0.05, 1e-4);
  EXPECT_NEAR(student_t_tail(3.373, 120), 0.001, 1e-5);
}

TEST(StudentT, TailsAreTheClosedFormsOfOneAndTwoDegreesOfFreedom) {
  constexpr double pi = 3.14159265358979323846;
  for (const double t : {0.0, 1e-3, 0.3, 1.0, 2.7, 40.0, 1e5}) {
    EXPECT_NEAR(student_t_tail(t, 1) / (2 / pi * std::atan2(1, t)), 1, 1e-10) << t;
    const double rest = 2 / (2 + t * t) / (1 + t / std::sqrt(2 + t * t));  // 1 - t / sqrt(2 + t^2)
    EXPECT_NEAR(student_t_tail(t, 2) / rest, 1, 1e-10) << t;
    EXPECT_EQ(student_t_tail(-t, 2), student_t_tail(t, 2));
  }
}

TEST(StudentT, ManyDegreesOfFreedomAreTheNormalDistribution) {
  for (const double t : {0.5, 1.96, 4.0, 6.0})
    EXPECT_NEAR(student_t_tail(t, 1e8) / std::erfc(t / std::sqrt(2)), 1, 1e-5) << t;
}

TEST(StudentT, ThresholdsInvertTails) {
  for (const double freedom : {1.0, 3.0, 98.0, 5000.0}) {
    for (const double tail : {0.9, 0.05, 1e-3, 1e-6, 1e-12}) {
      const double t = student_t_threshold(tail, freedom);
      EXPECT_NEAR(student_t_tail(t, freedom) / tail, 1, 1e-6) << freedom << " " << tail;
    }
  }
  EXPECT_NEAR(student_t_threshold(0.05, 10), 2.2281, 1e-4);
}

TEST(StudentT, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(student_t_tail(std::numeric_limits<double>::infinity(), 5), 0);
  EXPECT_THROW(student_t_tail(1, 0), Error);
  EXPECT_THROW(student_t_tail(std::nan(""), 5), NonFiniteError);
  EXPECT_THROW(student_t_threshold(0, 5), Error);
  EXPECT_THROW(student_t_threshold(1, 5), Error);
}

}  // namespace
}  // namespace expunge
