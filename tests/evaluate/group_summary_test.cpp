#include "expunge/evaluate/group_summary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <random>
#include <string>
#include <vector>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

torch::Tensor gaussians_about(int64_t models, const std::vector<float>& means, std::mt19937& engine) {
  std::normal_distribution<float> normal;
  const auto m = static_cast<int64_t>(means.size());
  torch::Tensor result = torch::empty({models, m}, torch::kFloat32);
  for (int64_t i = 0; i < models; ++i) {
    for (int64_t j = 0; j < m; ++j) result.data_ptr<float>()[i * m + j] = means[j] + normal(engine);
  }
  return result;
}

void expect_same(const GroupStatistic& a, const GroupStatistic& b) {
  EXPECT_EQ(a.p95, b.p95);
  EXPECT_EQ(a.mean, b.mean);
  EXPECT_EQ(a.p95_low, b.p95_low);
  EXPECT_EQ(a.p95_high, b.p95_high);
  EXPECT_EQ(a.points, b.points);
}

TEST(Percentile, InterpolatesLinearlyAsNumpyDoes) {
  const std::vector<double> values = {7, 1, 4, 2};
  EXPECT_EQ(percentile(values, 0), 1);
  EXPECT_EQ(percentile(values, 100), 7);
  EXPECT_EQ(percentile(values, 50), 3);
  EXPECT_DOUBLE_EQ(percentile(values, 95), 7 - 3 * 0.15);  // place 2.85, between 4 and 7
  EXPECT_DOUBLE_EQ(percentile(values, 10), 1.3);
  EXPECT_EQ(percentile(std::vector<double>{5}, 95), 5);
}

TEST(Percentile, AgreesWithASortOnRandomValuesWithTies) {
  std::mt19937 engine(1);
  for (const size_t count : {2, 3, 20, 21, 1000}) {
    std::vector<double> values(count);
    for (double& value : values) value = static_cast<double>(engine() % 50) / 7;
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    for (const double q : {0.0, 2.5, 33.3, 50.0, 95.0, 99.9, 100.0}) {
      const double place = q / 100 * static_cast<double>(count - 1);
      const auto below = static_cast<size_t>(std::floor(place));
      const double above = below + 1 < count ? sorted[below + 1] : sorted[below];
      const double want = sorted[below] + (above - sorted[below]) * (place - std::floor(place));
      EXPECT_NEAR(percentile(values, q), want, 1e-12) << count << ", " << q;
    }
  }
}

TEST(Percentile, RefusesNothingNanAndWrongPercent) {
  EXPECT_THROW(percentile({}, 95), Error);
  EXPECT_THROW(percentile(std::vector<double>{1}, -1), Error);
  EXPECT_THROW(percentile(std::vector<double>{1}, 100.5), Error);
  EXPECT_THROW(percentile(std::vector<double>{1, std::nan("")}, 95), NonFiniteError);
}

TEST(SummariseKlom, SplitsForgetRetainAndValidation) {
  // Points 0 to 4 are the training set, 5 and 6 validation.
  const torch::Tensor klom =
      torch::tensor({1.0, 20.0, 3.0, 40.0, 5.0, 100.0, 300.0}, torch::kFloat64);
  const KlomSummary summary = summarise_klom(klom, 5, std::vector<int64_t>{3, 1});
  EXPECT_EQ(summary.forget.points, 2);
  EXPECT_DOUBLE_EQ(summary.forget.mean, 30);
  EXPECT_DOUBLE_EQ(summary.forget.p95, 39);
  EXPECT_EQ(summary.retain.points, 3);
  EXPECT_DOUBLE_EQ(summary.retain.mean, 3);
  EXPECT_DOUBLE_EQ(summary.retain.p95, 4.8);
  EXPECT_EQ(summary.validation.points, 2);
  EXPECT_DOUBLE_EQ(summary.validation.mean, 200);
  EXPECT_DOUBLE_EQ(summary.validation.p95, 290);
  EXPECT_EQ(summary.all.points, 7);
  EXPECT_DOUBLE_EQ(summary.all.mean, 67);
  EXPECT_TRUE(std::isnan(summary.all.p95_low) && std::isnan(summary.all.p95_high));
}

TEST(SummariseKlom, LeavesValidationEmptyIfThereAreNoOtherPoints) {
  const KlomSummary summary =
      summarise_klom(torch::ones({3}, torch::kFloat64), 3, std::vector<int64_t>{0});
  EXPECT_EQ(summary.validation.points, 0);
  EXPECT_TRUE(std::isnan(summary.validation.p95));
}

TEST(SummariseKlom, RefusesForgetSetsThatAreNone) {
  const torch::Tensor klom = torch::ones({6}, torch::kFloat64);
  const auto with = [&](int64_t n, std::vector<int64_t> forget) {
    return message_of<InputError>([&] { summarise_klom(klom, n, forget); });
  };
  EXPECT_EQ(with(4, {}), "forget set: empty");
  EXPECT_EQ(with(4, {0, 4}), "forget set: expected indices 0 to 3, got 4");
  EXPECT_EQ(with(4, {-1}), "forget set: expected indices 0 to 3, got -1");
  EXPECT_EQ(with(4, {2, 1, 2}), "forget set: index 2 occurs twice");
  EXPECT_EQ(with(2, {0, 1}), "forget set: all 2 examples, none retained");
  EXPECT_EQ(with(7, {0}), "training set: expected 1 to 6 examples as there are 6 points, got 7");
  EXPECT_EQ(with(0, {0}), "training set: expected 1 to 6 examples as there are 6 points, got 0");
  EXPECT_THROW(summarise_klom(klom.to(torch::kFloat32), 4, std::vector<int64_t>{0}), InputError);
}

TEST(SummariseKlom, AddsIntervalsToTheSameFigures) {
  std::mt19937 engine(2);
  std::vector<float> means(60, 0.0F);
  means[7] = 2;
  const torch::Tensor u = gaussians_about(100, means, engine);
  const torch::Tensor o = gaussians_about(90, std::vector<float>(60, 0.0F), engine);
  const std::vector<int64_t> forget = {3, 7, 11};
  const KlomSummary plain = summarise_klom(klom(u, o), 40, forget);
  const KlomSummary summary = summarise_klom(u, o, 40, forget);
  for (const auto& [a, b] : {std::pair{plain.forget, summary.forget},
                             {plain.retain, summary.retain},
                             {plain.validation, summary.validation},
                             {plain.all, summary.all}}) {
    EXPECT_EQ(a.p95, b.p95);
    EXPECT_EQ(a.mean, b.mean);
    EXPECT_LT(b.p95_low, b.p95);
    EXPECT_GE(b.p95_low, 0);
    EXPECT_GT(b.p95_high, b.p95);
  }
  const KlomSummary none = summarise_klom(u, o, 40, forget, {}, {.resamples = 0});
  EXPECT_TRUE(std::isnan(none.forget.p95_low));
}

TEST(SummariseKlom, DependsOnTheSeedAndNotOnWorkers) {
  std::mt19937 engine(3);
  const torch::Tensor u = gaussians_about(30, std::vector<float>(20, 0.5F), engine);
  const torch::Tensor o = gaussians_about(40, std::vector<float>(20, 0.0F), engine);
  const std::vector<int64_t> forget = {0, 1};
  const auto with = [&](int64_t seed, int64_t workers) {
    return summarise_klom(u, o, 10, forget, {},
                          {.resamples = 40, .seed = seed, .workers = workers});
  };
  const KlomSummary one = with(5, 1);
  for (const int64_t workers : {2, 3}) {
    const KlomSummary other = with(5, workers);
    expect_same(one.forget, other.forget);
    expect_same(one.retain, other.retain);
    expect_same(one.validation, other.validation);
    expect_same(one.all, other.all);
  }
  EXPECT_NE(one.forget.p95_high, with(6, 1).forget.p95_high);
}

TEST(SummariseKlom, NoModelOccursTwiceInAResample) {
  // Any 3 different ones of these 4 unlearned models fill 3 bins that no oracle fills: every
  // resample has the same KLoM, unless a model is drawn twice.
  const torch::Tensor u = torch::arange(4, torch::kFloat32).unsqueeze(1).repeat({1, 2});
  const torch::Tensor o = torch::full({4, 2}, 10.0F);
  const KlomSummary summary = summarise_klom(u, o, 2, std::vector<int64_t>{0});
  EXPECT_NEAR(summary.all.p95, std::log(1e5 / 4), 1e-12);
  EXPECT_NEAR(summary.all.p95_low, summary.all.p95, 1e-12);
  EXPECT_NEAR(summary.all.p95_high, summary.all.p95, 1e-12);
}

TEST(SummariseKlom, IntervalCoversTheExpectedPercentileOfNewModels) {
  // Unlearned models at several distances from the oracles; 40 redraws of all models. E[P95] is
  // estimated from 400 other redraws. Nominally 38 of 40; far fewer, or all with an interval
  // several times too wide, would be wrong.
  std::vector<float> means(20);
  for (size_t j = 0; j < means.size(); ++j) means[j] = 0.15F * static_cast<float>(j);
  std::mt19937 engine(4);
  const std::vector<float> zeros(20, 0.0F);
  const std::vector<int64_t> forget = {0};
  std::vector<double> redrawn;
  for (int r = 0; r < 400; ++r) {
    const torch::Tensor values = klom(gaussians_about(100, means, engine), gaussians_about(100, zeros, engine));
    redrawn.push_back(summarise_klom(values, 19, forget).all.p95);
  }
  double expected = 0;
  double squares = 0;
  for (const double p95 : redrawn) expected += p95 / 400;
  for (const double p95 : redrawn) squares += (p95 - expected) * (p95 - expected) / 399;
  int covered = 0;
  double width = 0;
  for (int r = 0; r < 40; ++r) {
    const KlomSummary summary =
        summarise_klom(gaussians_about(100, means, engine), gaussians_about(100, zeros, engine), 19, forget, {},
                       {.resamples = 100});
    covered += summary.all.p95_low <= expected && expected <= summary.all.p95_high ? 1 : 0;
    width += (summary.all.p95_high - summary.all.p95_low) / 40;
  }
  EXPECT_GE(covered, 35);
  const double right_width = 2 * 1.96 * std::sqrt(squares);
  EXPECT_GT(width, 0.8 * right_width);
  EXPECT_LT(width, 2.2 * right_width);
}

TEST(SummariseKlom, RefusesTooFewResamples) {
  const torch::Tensor u = torch::rand({4, 5});
  EXPECT_THROW(summarise_klom(u, u, 3, std::vector<int64_t>{0}, {}, {.resamples = 19}),
               OptionError);
  EXPECT_THROW(summarise_klom(u, u, 3, std::vector<int64_t>{0}, {}, {.resamples = -1}),
               OptionError);
  EXPECT_THROW(summarise_klom(u, u, 3, std::vector<int64_t>{0}, {}, {.workers = -1}), OptionError);
}

TEST(SummariseKlom, WorksWithTheFewestModels) {
  const torch::Tensor u = torch::tensor({{0.0F, 1.0F}, {1.0F, 2.0F}});
  const KlomSummary summary =
      summarise_klom(u, u, 2, std::vector<int64_t>{0}, {}, {.resamples = 20});
  EXPECT_EQ(summary.all.p95, 0);
  EXPECT_TRUE(std::isfinite(summary.all.p95_high));
}

}  // namespace
}  // namespace expunge
