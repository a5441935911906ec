// Effects carried over by a kernel, against kernel regressions that are fitted again without F.
#include "expunge/attribution/carried_effects.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "simulated_ensemble.h"

namespace expunge {
namespace {

// Kernel ridge regression of made-up logits, n = 15 examples, m = 22 points.
class KernelRegression : public testing::Test {
 protected:
  static constexpr int64_t n = 15, m = 22, classes = 3;
  static constexpr double share = 0.2;

  KernelRegression() {
    torch::manual_seed(5);
    const auto rows = torch::randn({m, 9}, torch::kFloat64);
    kernel_ = rows.matmul(rows.t()).narrow(1, 0, n).contiguous().to(torch::kFloat32);
    targets_ = torch::randn({n, classes}, torch::kFloat64);
  }
  // Fitted values at all points of the regression on S without F.
  [[nodiscard]] torch::Tensor fitted(const std::vector<int64_t>& forget) const {
    std::vector<int64_t> kept;
    for (int64_t i = 0; i < n; ++i) {
      if (std::find(forget.begin(), forget.end(), i) == forget.end()) kept.push_back(i);
    }
    const auto k = kernel_.to(torch::kFloat64);
    const auto ridge = share * k.narrow(0, 0, n).diagonal().mean().item<double>();
    const auto at = torch::tensor(kept);
    const auto columns = k.index_select(1, at);
    const auto gram = columns.index_select(0, at) +
                      ridge * torch::eye(static_cast<int64_t>(kept.size()), torch::kFloat64);
    return columns.matmul(at::linalg_solve(gram, targets_.index_select(0, at)));
  }
  // What each example does to its own value.
  [[nodiscard]] torch::Tensor own() const {
    auto effects = torch::empty({n, classes}, torch::kFloat64);
    for (int64_t i = 0; i < n; ++i) effects[i].copy_((fitted({}) - fitted({i}))[i]);
    return effects.to(torch::kFloat32);
  }
  torch::Tensor kernel_, targets_;
};

TEST_F(KernelRegression, WithoutFIsWhatCarriedEffectsSayAtEveryOtherPoint) {
  const auto carried = CarriedEffects::fit(kernel_, share);
  const std::vector<int64_t> forget = {2, 11, 7, 14};
  const auto shift = carried.shift(forget, own()).to(torch::kFloat64);
  const auto exact = fitted(forget) - fitted({});
  for (int64_t x = 0; x < m; ++x) {
    if (std::find(forget.begin(), forget.end(), x) != forget.end()) continue;
    EXPECT_LT((shift[x] - exact[x]).abs().max().item<double>(), 1e-4) << x;
  }
  EXPECT_GT(exact.abs().max().item<double>(), 0.1);
}

TEST_F(KernelRegression, OwnEffectsStayAsTheyWereMeasured) {
  const auto carried = CarriedEffects::fit(kernel_, share);
  EXPECT_EQ(carried.shift(std::vector<int64_t>{4}, own())[4].abs().max().item<float>(), 0);
  // In a pair each is moved by the other's effect alone: it does not depend on its own.
  auto effects = own();
  const std::vector<int64_t> pair = {4, 9};
  const auto before = carried.shift(pair, effects)[4].clone();
  effects[4] *= 5;
  EXPECT_TRUE(at::allclose(carried.shift(pair, effects)[4], before));
  effects[9] *= 2;
  EXPECT_TRUE(at::allclose(carried.shift(pair, effects)[4], 2 * before));
}

TEST_F(KernelRegression, DoesNotDependOnTheKernelsScale) {
  const std::vector<int64_t> forget = {1, 3};
  EXPECT_TRUE(at::allclose(CarriedEffects::fit(kernel_).shift(forget, own()),
                           CarriedEffects::fit(kernel_ * 1000).shift(forget, own()), 1e-4, 1e-6));
}

TEST_F(KernelRegression, RefusesWhatIsNoKernel) {
  EXPECT_THROW(CarriedEffects::fit(kernel_.to(torch::kFloat64)), InputError);
  EXPECT_THROW(CarriedEffects::fit(kernel_.narrow(0, 0, n - 1)), InputError);
  EXPECT_THROW(CarriedEffects::fit(-kernel_), InputError);
  EXPECT_THROW(CarriedEffects::fit(kernel_, 0), InputError);
  kernel_[3][2] = NAN;
  EXPECT_THROW(CarriedEffects::fit(kernel_), NonFiniteError);
}

TEST_F(KernelRegression, RefusesWrongSetsAndEffects) {
  const auto carried = CarriedEffects::fit(kernel_);
  EXPECT_THROW(carried.shift(std::vector<int64_t>{1, 1}, own()), InputError);
  EXPECT_THROW(carried.shift(std::vector<int64_t>{n}, own()), InputError);
  EXPECT_THROW(carried.shift(std::vector<int64_t>{1}, own().narrow(0, 0, 3)), InputError);
}

}  // namespace
}  // namespace expunge
