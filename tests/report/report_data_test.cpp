#include "expunge/report/report_data.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "expunge/core/error.h"
#include "nan.h"
#include "report/report_sample.h"

namespace expunge {
namespace {

template <class E>
std::string refusal_of_report(const std::function<void(ReportData&)>& spoil) {
  ReportData data = sample_report();
  spoil(data);
  try {
    check(data);
  } catch (const E& error) {
    return error.what();
  }
  return "accepted";
}

MethodRow& dmm(ReportData& data) {
  return data.forget_sets[0].rows[2];
}

TEST(ReportData, TheSampleIsAccepted) {
  EXPECT_NO_THROW(check(sample_report()));
}

TEST(ReportData, NonFiniteNumbersAreRefusedByName) {
  const auto message =
      refusal_of_report<NonFiniteError>([](auto& d) { dmm(d).klom.retain.p95 = kNan; });
  EXPECT_NE(message.find("first, DMM, KLoM on retain, P95"), std::string::npos) << message;
  for (const auto& spoil : std::vector<std::function<void(ReportData&)>>{
           [](auto& d) { dmm(d).klom.forget.mean = INFINITY; },
           [](auto& d) { dmm(d).klom.forget.p95_low = kNan; },
           [](auto& d) { dmm(d).cost_share = kNan; },
           [](auto& d) { d.forget_sets[0].floor_p95 = kNan; },
           [](auto& d) { d.forget_sets[0].examples[0].oracle[1] = kNan; },
           [](auto& d) { d.forget_sets[0].examples[0].series[0].margins[0] = INFINITY; },
           [](auto& d) { d.forget_sets[0].examples[0].series[0].klom = kNan; },
           [](auto& d) { d.up_front->trainings = kNan; },
           [](auto& d) { d.penalty->error[0] = kNan; }}) {
    EXPECT_NE(refusal_of_report<NonFiniteError>(spoil), "accepted");
  }
}

TEST(ReportData, ImpossibleNumbersAreRefused) {
  for (const auto& spoil : std::vector<std::function<void(ReportData&)>>{
           [](auto& d) { std::swap(dmm(d).klom.forget.p95_low, dmm(d).klom.forget.p95_high); },
           [](auto& d) { dmm(d).cost_share = -0.1; },
           [](auto& d) { d.forget_sets[0].floor_p95 = -1; },
           [](auto& d) { d.forget_sets[0].rows.clear(); },
           [](auto& d) { d.forget_sets[0].examples[0].oracle.clear(); },
           [](auto& d) { d.up_front->trainings = -1; },
           [](auto& d) { d.penalty->error.pop_back(); }, [](auto& d) { d.penalty->chosen = 11; },
           [](auto& d) { d.penalty->lambda[0] = 0; },
           [](auto& d) { d.penalty->lambda[1] = 0.5; }}) {
    EXPECT_NE(refusal_of_report<InputError>(spoil), "accepted");
  }
}

TEST(ReportData, GroupsWithoutPointsAndWithoutIntervalsAreFine) {
  ReportData data = sample_report();
  for (auto& each : data.forget_sets[0].rows) {
    each.klom.validation = GroupStatistic{};
    each.klom.retain.p95_low = each.klom.retain.p95_high = kNan;
  }
  EXPECT_NO_THROW(check(data));
}

TEST(ReportData, PaysWhenRetrainingWouldHaveCostMore) {
  // Brute force: the smallest k with trainings + k share <= k.
  for (const double trainings : {0.0, 1.0, 80.0, 99.5}) {
    for (const double share : {0.0, 0.042, 0.5, 0.9}) {
      int64_t k = 0;
      while (trainings + k * share > k + 1e-9) ++k;
      EXPECT_EQ(requests_until_paid(trainings, share), k) << trainings << ", " << share;
    }
  }
  EXPECT_FALSE(requests_until_paid(80, 1).has_value());
  EXPECT_FALSE(requests_until_paid(80, 1.5).has_value());
  EXPECT_EQ(requests_until_paid(80, 0.0), 80);
}

}  // namespace
}  // namespace expunge
