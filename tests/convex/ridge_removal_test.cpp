#include "expunge/convex/ridge_removal.h"

#include <gtest/gtest.h>

#include <map>

#include "expunge/convex/ridge_dual.h"
#include "expunge/core/error.h"
#include "expunge/data/forget_set.h"
#include "reference.h"

namespace expunge {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

std::vector<int64_t> every(int64_t n, int64_t f, uint64_t seed) {
  auto order = CounterRng(seed).permutation(n);
  order.resize(static_cast<size_t>(f));
  return order;
}

// What issue and header promise: 1e-10 for conditions up to 1e4, and 100 x condition x epsilon beyond.
double promised(double condition) {
  return condition <= 1e4 ? 1e-10 : 100 * condition * kEps;
}

struct Worst {
  double share = 0;  // of what is promised
  std::string where;
  std::map<std::string, double> errors;  // by method
};

// Every way to remove F against elimination in long double on R.
void compare_all(const Table& table, double lambda, std::span<const int64_t> forget, Worst& worst) {
  const auto retain = retain_indices(forget, table.size());
  for (const bool intercept : {true, false}) {
    const LinearOptions options{lambda, intercept, Standardise::none};
    const auto state = RidgeState::fit(table, options);
    const auto wanted = ridge_by_elimination(table, retain, lambda, intercept);
    const double condition = condition_number(RidgeState::fit(table, retain, options).matrix());
    const auto judge = [&](const torch::Tensor& theta, const std::string& name, double unit = 1) {
      const double share = relative_error(theta, wanted) / promised(condition) / unit;
      auto& error = worst.errors[name];
      error = std::max(error, relative_error(theta, wanted) / unit);
      if (share > worst.share) {
        worst.share = share;
        worst.where =
            fmt::format("{}: n {}, d {}, f {}, condition {:.1e}, intercept {}", name, table.size(),
                        table.features(), forget.size(), condition, intercept);
      }
      EXPECT_LE(share, 1) << name << " n " << table.size() << " d " << table.features() << " f "
                          << forget.size() << " condition " << condition << " intercept "
                          << intercept;
    };
    for (const auto method : {Downdate::automatic, Downdate::woodbury, Downdate::rotations,
                              Downdate::refactor, Downdate::rebuild}) {
      const auto removal = RidgeRemoval::of(state, table, forget, {method});
      judge(removal.theta(), downdate_name(method));
    }
    // A step's rounding is relative to its length.
    judge(newton_step(state, table, forget), "Newton step",
          std::max(1.0, relative_error(state.theta(), wanted)));
    if (!table.weights.defined() || table.weights.min().item<double>() > 0)
      judge(RidgeDual::fit(table, options).theta_without(forget), "dual");
  }
}

TEST(RidgeRemoval, EqualsRetrainingForEveryConditionShapeAndSize) {
  Worst worst;
  uint64_t seed = 100;
  for (const double condition : {1e1, 1e3, 1e4, 1e6, 1e8, 1e10}) {
    worst.errors.clear();
    for (const auto& [n, d] : {std::pair<int64_t, int64_t>{40, 8}, {12, 20}, {20, 20}}) {
      const auto table = random_table(n, d, 2, seed += 10, 1 / std::sqrt(condition));
      const double lambda = table.x.square().sum().item<double>() / condition / 4;
      for (const int64_t f : {int64_t{1}, int64_t{3}, n / 3, n / 2, n - 2, n - 1})
        compare_all(table, lambda, every(n, f, seed), worst);
    }
    for (const auto& [method, error] : worst.errors) {
      auto name = fmt::format("{} at {:.0e}", method, condition);
      std::replace(name.begin(), name.end(), ' ', '_');
      RecordProperty(name, fmt::format("{:.1e}", error));
    }
  }
  RecordProperty("worst", fmt::format("{:.3g} of what is promised: {}", worst.share, worst.where));
}

TEST(RidgeRemoval, DuplicatesAreRemovedOneByOneAndTogether) {
  Worst worst;
  auto table = random_table(24, 6, 1, 7);
  for (const int64_t i : {3, 9, 15}) {
    table.x[i].copy_(table.x[0]);
    table.y[i].copy_(table.y[0]);
  }
  compare_all(table, 0.01, std::vector<int64_t>{9}, worst);
  compare_all(table, 0.01, std::vector<int64_t>{0, 3, 9, 15}, worst);
  table.y[3] += 5;  // the same features with another target
  compare_all(table, 0.01, std::vector<int64_t>{3}, worst);
}

TEST(RidgeRemoval, WeightsCount) {
  Worst worst;
  auto table = random_table(30, 5, 2, 9);
  table.weights = random_matrix(30, 1, 11).squeeze(1).abs();
  compare_all(table, 0.2, std::vector<int64_t>{1, 4, 20}, worst);
  table.weights[4] = 0;  // and an example without any
  compare_all(table, 0.2, std::vector<int64_t>{1, 4, 20}, worst);
  table.weights.zero_();
  table.weights[4] = 1;
  const auto state = RidgeState::fit(table, {0.2, true, Standardise::none});
  EXPECT_THROW(RidgeRemoval::of(state, table, std::vector<int64_t>{4}), InputError);
}

TEST(RidgeRemoval, ForgottenExamplesThatHeldMostOfTheSum) {
  // F a million times as large as the rest: subtracting loses twelve digits, passes over R bring them back.
  Worst worst;
  auto table = random_table(60, 6, 1, 13);
  for (const int64_t i : {2, 5}) table.x[i].mul_(1e6);
  const std::vector<int64_t> forget = {2, 5};
  compare_all(table, 0.5, forget, worst);
  const auto state = RidgeState::fit(table, {0.5, true, Standardise::none});
  const auto removal = RidgeRemoval::of(state, table, forget);
  EXPECT_GT(removal.growth(), 1e9);
  EXPECT_GE(removal.passes(), 1);
  EXPECT_EQ(RidgeRemoval::of(state, table, std::vector<int64_t>{7}).passes(), 0);
}

TEST(RidgeRemoval, StandardisedAgainIsRetrainingFromTheStart) {
  auto table = random_table(50, 4, 2, 17);
  table.x = (table.x * 20 + 300).contiguous();
  table.weights = random_matrix(50, 1, 19).squeeze(1).abs() + 0.1;
  for (const int64_t f : {1, 7, 20, 40}) {
    const auto forget = every(50, f, 3);
    const auto retain = retain_indices(forget, 50);
    const auto state = RidgeState::fit(table, {2, true, Standardise::again});
    const auto removal = RidgeRemoval::of(state, table, forget);
    EXPECT_LT(relative_error(stacked(removal.model()), standardised_ridge(table, retain, 2, true)),
              1e-10)
        << f;
    // A feature that varies in F alone does not vary any more.
    auto special = table;
    special.weights = torch::Tensor();
    special.x = table.x.clone();
    special.x.select(1, 0).zero_();
    special.x[forget[0]][0] = 8;
    const auto before = RidgeState::fit(special, {2, true, Standardise::again});
    const auto after = RidgeRemoval::of(before, special, forget);
    EXPECT_NEAR(after.model().weights[0].abs().max().item<double>(), 0, 1e-9);
    EXPECT_LT(relative_error(after.model().outputs(special.x).index_select(0, index_tensor(retain)),
                             RidgeState::fit(special, retain, {2, true, Standardise::again})
                                 .model()
                                 .outputs(special.x)
                                 .index_select(0, index_tensor(retain))),
              1e-10);
  }
}

TEST(RidgeRemoval, StandardisationHeldFixedIsRetrainingInItsCoordinates) {
  auto table = random_table(40, 4, 1, 27);
  table.x = (table.x * 3 + 10).contiguous();
  const auto forget = every(40, 6, 5);
  const auto state = RidgeState::fit(table, {1, true, Standardise::fixed});
  const auto removal = RidgeRemoval::of(state, table, forget);
  Table seen = table;
  seen.x = ((table.x - state.coordinates().mean) / state.coordinates().scale).contiguous();
  const auto wanted = ridge_by_elimination(seen, retain_indices(forget, 40), 1, true);
  EXPECT_LT(relative_error(removal.theta(), wanted), 1e-11);
  EXPECT_EQ(removal.method(), Downdate::refactor);
  EXPECT_EQ(RidgeRemoval::of(state, table, std::vector<int64_t>{1}).method(), Downdate::woodbury);
}

TEST(RidgeRemoval, ASequenceOfRemovalsEndsWhereOneDoes) {
  const auto table = random_table(60, 7, 2, 29);
  for (const auto method : {Downdate::rotations, Downdate::refactor}) {
    auto state = RidgeState::fit(table, {0.4, true, Standardise::none});
    Table left = table;
    std::vector<int64_t> gone;
    for (const int64_t i : {5, 11, 0, 40}) {
      // Rows that are left keep their order.
      const std::vector<int64_t> now = {i};
      const auto removal = RidgeRemoval::of(state, left, now, {method});
      ASSERT_TRUE(removal.state().has_value());
      state = *removal.state();
      left = left.rows(retain_indices(now, left.size()));
    }
    EXPECT_LT(relative_error(state.theta(),
                             ridge_by_elimination(left, first_indices(left.size()), 0.4, true)),
              1e-12);
  }
}

TEST(RidgeRemoval, InfluenceIsTheDerivativeInTheWeightsOfF) {
  const auto table = random_table(30, 5, 2, 33);
  const std::vector<int64_t> forget = {2, 8, 9};
  const LinearOptions options{0.8, true, Standardise::none};
  const auto state = RidgeState::fit(table, options);
  const auto at_weight = [&](double weight) {
    auto weighted = table;
    weighted.weights = torch::ones({30}, torch::kFloat64);
    for (const int64_t i : forget) weighted.weights[i] = weight;
    return ridge_by_elimination(weighted, first_indices(30), 0.8, true);
  };
  // Removing is a change of their weights by -1.
  const auto slope = (at_weight(1 + 1e-4) - at_weight(1 - 1e-4)) / 2e-4;
  EXPECT_LT(relative_error(influence_step(state, table, forget) - state.theta(), -slope), 1e-6);
  // One example is moved by 1 - h of its exact removal.
  const std::vector<int64_t> one = {8};
  const auto exact = RidgeRemoval::of(state, table, one).theta() - state.theta();
  const double h = state.leverages(table)[8].item<double>();
  EXPECT_LT(relative_error(influence_step(state, table, one) - state.theta(), (1 - h) * exact),
            1e-10);
}

TEST(RidgeRemoval, RefusesWhatIsNoForgetSet) {
  const auto table = random_table(10, 3, 1, 37);
  const auto state = RidgeState::fit(table, {1, true, Standardise::again});
  EXPECT_THROW(RidgeRemoval::of(state, table, first_indices(10)), InputError);
  EXPECT_THROW(RidgeRemoval::of(state, table, {}), InputError);
  EXPECT_THROW(RidgeRemoval::of(state, table, std::vector<int64_t>{1, 1}), InputError);
  EXPECT_THROW(RidgeRemoval::of(state, table, std::vector<int64_t>{10}), InputError);
  EXPECT_THROW(RidgeRemoval::of(state, table, std::vector<int64_t>{1}, {Downdate::woodbury}),
               InputError);
  EXPECT_THROW(RidgeDual::fit(table, {1, true, Standardise::again}), InputError);
}

TEST(RidgeDual, IsThePrimalSolution) {
  auto table = random_table(12, 30, 3, 43);
  table.weights = random_matrix(12, 1, 47).squeeze(1).abs() + 0.1;
  for (const bool intercept : {true, false}) {
    const auto dual = RidgeDual::fit(table, {0.5, intercept, Standardise::fixed});
    const auto primal = RidgeState::fit(table, {0.5, intercept, Standardise::fixed});
    EXPECT_LT(relative_error(dual.theta(), primal.theta()), 1e-11);
    for (const int64_t f : {1, 6, 11}) {
      const auto forget = every(12, f, 4);
      EXPECT_LT(relative_error(dual.theta_without(forget),
                               RidgeRemoval::of(primal, table, forget).theta()),
                1e-10);
    }
  }
}

}  // namespace
}  // namespace expunge
