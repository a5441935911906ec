// Exact removal of examples from a ridge regression, at a cost that grows with their number and not with n.
//
// With U (f, p) the rows sqrt(w) z of F and e = sqrt(w) y_F - U theta_S what the model has left to explain of
// them,
//   A_R = A_S - U'U,   A_R (theta_S - theta_R) = U'e,
// because A_R theta_S = c_S - U'U theta_S = c_R + U'e. Three ways to solve it:
// - woodbury: theta_R = theta_S - A_S^-1 U' C^-1 e with C = 1 - U A_S^-1 U' (f, f); f p^2 + p f^2 + f^3/3
//   (Woodbury, 1950; for one example the leave-one-out formula of Allen, 1974);
// - rotations: the factor of A_R from that of A_S, row by row (cholesky.h); 2 f p^2, no f x f system;
// - refactor: A_R = A_S - U'U, factored anew; f p^2 + p^3/3.
// All of them then refine theta_R once with the residual c_R - A_R theta_R. Where F is more than half of S,
// A_R is summed over R instead, which costs less than over F (rebuild).
//
// How exact. What subtracting loses is rounding of A_S, whatever solves the system: a relative error of
// about machine epsilon x condition of A_R x |A_S| / |A_R|. The last factor is close to 1 unless F held most
// of the sum. Where it is above 4, theta_R is refined with the residual of R's examples themselves, in passes
// over the data (`passes`), until it is what retraining gives.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <span>

#include "expunge/convex/ridge.h"

namespace expunge {

enum class Downdate { automatic, woodbury, rotations, refactor, rebuild };

/// The name that flags and results use.
const char* downdate_name(Downdate method);

struct RemovalOptions {
  /// automatic: rebuild if F is more than half of S, woodbury if f <= p / 4 and the coordinates stay,
  /// else refactor. woodbury leaves no state to go on from.
  Downdate method = Downdate::automatic;
  int64_t workers = 0;  ///< for passes over the data
};

/// One removal.
class RidgeRemoval {
 public:
  /// `state` was fitted to `table`; F by index into it. InputError for indices that are no forget set
  /// (data/forget_set.h: out of range, twice, all of S), for woodbury or rotations where coordinates
  /// are taken again, and where R has no positive weight or no unique optimum.
  static RidgeRemoval of(const RidgeState& state, const Table& table,
                         std::span<const int64_t> forget, const RemovalOptions& options = {});

  [[nodiscard]] const torch::Tensor& theta() const { return theta_; }  ///< (d + 1, k)
  [[nodiscard]] const Coordinates& coordinates() const { return coordinates_; }
  [[nodiscard]] LinearModel model() const { return LinearModel::from(theta_, coordinates_); }
  [[nodiscard]] Downdate method() const { return method_; }
  /// |A_S| / |A_R|, Frobenius norms in the coordinates of S.
  [[nodiscard]] double growth() const { return growth_; }
  /// Over R's examples, beside those that made the sums.
  [[nodiscard]] int64_t passes() const { return passes_; }
  /// What the next removal starts from; none after woodbury. Its table is the one without F's rows:
  /// table.rows(retain_indices(forget, n)).
  [[nodiscard]] const std::optional<RidgeState>& state() const { return state_; }

 private:
  torch::Tensor theta_;
  Coordinates coordinates_;
  Downdate method_ = Downdate::automatic;
  double growth_ = 1;
  int64_t passes_ = 0;
  std::optional<RidgeState> state_;
};

/// First-order influence, in the coordinates of the state: theta_S - A_S^-1 U'e, (d + 1, k). What is left out
/// is C: each example of F is moved by (1 - h) of what it is moved by its exact removal.
torch::Tensor influence_step(const RidgeState& state, const Table& table,
                             std::span<const int64_t> forget);

/// One Newton step on J_R from theta_S, in the coordinates of the state, (d + 1, k): the gradient from a pass
/// over R's examples, the Hessian summed over R. Exact, as J_R is quadratic; costs as much as retraining, and
/// is here for what it shows.
torch::Tensor newton_step(const RidgeState& state, const Table& table,
                          std::span<const int64_t> forget, int64_t workers = 0);

}  // namespace expunge
