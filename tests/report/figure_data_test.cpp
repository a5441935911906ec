#include "expunge/report/figure_data.h"

#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "expunge/core/error.h"
#include "nan.h"
#include "report/figure_sample.h"

namespace expunge {
namespace {

template <class E, class Data>
std::string refusal(Data data, const std::function<void(Data&)>& spoil) {
  spoil(data);
  try {
    check(data);
  } catch (const E& error) {
    return error.what();
  }
  return "accepted";
}

template <class E, class Data>
void expect_refused(const Data& sample, const std::vector<std::function<void(Data&)>>& spoils) {
  EXPECT_NO_THROW(check(sample));
  for (size_t i = 0; i < spoils.size(); ++i) {
    EXPECT_NE((refusal<E, Data>(sample, spoils[i])), "accepted") << "spoil " << i;
  }
}

TEST(FigureData, FrontiersThatCannotBeAreRefused) {
  using Spoils = std::vector<std::function<void(FrontierPanelSet&)>>;
  expect_refused<NonFiniteError>(
      sample_frontier(),
      Spoils{[](auto& s) { s.cells[1].cost_share = kNan; },
             [](auto& s) { s.cells[1].average = INFINITY; },
             [](auto& s) { s.cells[1].forget = kNan; }, [](auto& s) { s.cells[1].retain = kNan; },
             [](auto& s) { s.cells[1].validation = kNan; }, [](auto& s) { s.floor = kNan; }});
  expect_refused<InputError>(
      sample_frontier(),
      Spoils{[](auto& s) { s.cells.clear(); }, [](auto& s) { s.cells[1].cost_share = -0.1; },
             [](auto& s) { s.floor = -1; }, [](auto& s) { s.cells[1].best = false; },
             [](auto& s) { s.cells[2].best = true; },
             [](auto& s) { s.cells[2].role = MethodRole::floor; }});
  const auto message = refusal<NonFiniteError, FrontierPanelSet>(
      sample_frontier(), [](auto& s) { s.cells[1].retain = kNan; });
  EXPECT_NE(message.find("first, SCRUB (learning_rate 5e-3, epochs 5), retain"), std::string::npos)
      << message;
  FrontierPanelSet below = sample_frontier();
  below.cells[1].retain = -1e-4;
  EXPECT_NO_THROW(check(below)) << "the histograms allow a KLoM a little below 0";
}

TEST(FigureData, TrajectoriesThatCannotBeAreRefused) {
  using Spoils = std::vector<std::function<void(TrajectoryPanel&)>>;
  expect_refused<NonFiniteError>(sample_trajectories(),
                                 Spoils{[](auto& p) { p.points[0].likelihood[1] = kNan; },
                                        [](auto& p) { p.time[1] = INFINITY; }});
  expect_refused<InputError>(
      sample_trajectories(),
      Spoils{[](auto& p) { p.points.clear(); }, [](auto& p) { p.time = {0}; },
             [](auto& p) { p.time[1] = 0; }, [](auto& p) { p.points[1].likelihood.pop_back(); },
             [](auto& p) { p.points[1].likelihood[0] = 1.01; },
             [](auto& p) { p.points[1].likelihood[0] = -0.1; },
             [](auto& p) { p.counted_points = 2; }, [](auto& p) { p.counted_overshoots = 0; },
             [](auto& p) { p.counted_overshoots = 1499; }});
}

TEST(FigureData, LossesThatCannotBeAreRefused) {
  using Spoils = std::vector<std::function<void(LossCurve&)>>;
  expect_refused<NonFiniteError>(
      sample_losses(),
      Spoils{[](auto& c) { c.forget_loss[2] = INFINITY; }, [](auto& c) { c.retain_loss[0] = kNan; },
             [](auto& c) { c.time[0] = kNan; }});
  expect_refused<InputError>(sample_losses(), Spoils{[](auto& c) { c.forget_loss[2] = -1; },
                                                     [](auto& c) { c.validation_loss.clear(); },
                                                     [](auto& c) {
                                                       c.time = {2, 1, 3};
                                                     }});
}

TEST(FigureData, AttacksThatCannotBeAreRefused) {
  using Points = std::vector<AgreementPoint>;
  using Curves = std::vector<RocCurve>;
  using PointSpoils = std::vector<std::function<void(Points&)>>;
  using CurveSpoils = std::vector<std::function<void(Curves&)>>;
  expect_refused<NonFiniteError>(
      sample_agreement(),
      PointSpoils{[](auto& p) { p[0].klom = kNan; }, [](auto& p) { p[0].attack_accuracy = kNan; },
                  [](auto& p) { p[0].low = kNan; }});
  expect_refused<InputError>(
      sample_agreement(),
      PointSpoils{[](auto& p) { p.clear(); }, [](auto& p) { p[0].high = 1.1; },
                  [](auto& p) { p[0].low = 0.95; }, [](auto& p) { p[0].high = 0.89; },
                  [](auto& p) { p[1].method = "do nothing"; }});
  expect_refused<NonFiniteError>(sample_curves(),
                                 CurveSpoils{[](auto& c) { c[0].true_positive[1] = kNan; }});
  expect_refused<InputError>(
      sample_curves(),
      CurveSpoils{[](auto& c) { c.clear(); }, [](auto& c) { c[0].true_positive.pop_back(); },
                  [](auto& c) { c[0].true_positive[1] = 0.9; },
                  [](auto& c) { c[0].false_positive[3] = 1.2; },
                  [](auto& c) { c[1].method = c[0].method; },
                  [](auto& c) {
                    c[1] = {"x", MethodRole::floor, {1}, {1}};
                  }});
}

}  // namespace
}  // namespace expunge
