// Unlearning a linear model in every way at once: closed forms against retraining, and gradient methods against
// the exact unlearned model, each beside what theory says of it.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "expunge/convex/ridge.h"
#include "expunge/convex/table.h"
#include "expunge/core/options.h"

namespace expunge {

enum class LinearKind { ridge, logistic };

struct ComparisonOptions {
  LinearKind model = LinearKind::ridge;
  int64_t steps = 1000;       ///< of full gradient methods
  double step = 1;            ///< of these, in units of 1 / largest eigenvalue
  int64_t sgd_steps = 20000;  ///< of stochastic ones
  double sgd_step = 0.25;     ///< of these, in units of 1 / L_B (sgd_moments.h)
  int64_t batch = 8;
  int64_t runs = 16;       ///< of each stochastic method, averaged
  double ascent = 0.1;     ///< weight of F's mean loss in ascent-descent
  int64_t points = 60;     ///< at which curves are recorded
  int64_t ball_steps = 4;  ///< step sizes of the noise ball, each half of the one before
  int64_t seed = 0;

  void validate() const;
};
OptionGroup options_of(ComparisonOptions& options);

/// How much a prediction is worth.
enum class Theory {
  none,
  exact,        ///< equality, at every time
  mean_square,  ///< equality for the expected square
  first_order,  ///< in the step: noise that depends on the error is left out
  linearised,   ///< of the gradient at the solution
};
const char* theory_name(Theory theory);

/// One gradient method. Distances are to the exact unlearned model, Frobenius, in units of the full model's.
struct MethodCurve {
  std::string name;
  double step = 0;
  int64_t batch = 0;  ///< 0: all examples
  std::vector<int64_t> times;
  std::vector<double> measured;  ///< of stochastic methods the root of the mean square over runs
  std::vector<double> error;     ///< its standard error; empty for others
  Theory theory = Theory::none;
  std::vector<double> predicted;  ///< as long as times, or empty
  std::vector<double> bound;  ///< what theory bounds the distance by; as long as times, or empty
  double measured_rate = 0;   ///< -ln of the factor a step, later half of what is above rounding
  double predicted_rate = 0;  ///< the same of `predicted`
  double bound_rate = 0;      ///< of the bound's geometric part; 0 for none
  double smallest =
      0;  ///< eigenvalue of its objective's Hessian above rounding; a bound without theory
  double largest = 0;  ///< the largest, likewise
};

/// SGD on the retain objective, begun at its solution, at one step size.
struct NoiseBall {
  double step = 0;
  int64_t steps = 0;
  double measured = 0;   ///< mean of |theta_t - theta_*|^2 over the later half and all runs
  double error = 0;      ///< a standard error
  double predicted = 0;  ///< the same mean by theory; NaN where it was not computed
  double first_order =
      0;             ///< step / (2 B) tr(H^-1 C), the limit for small steps; NaN where not computed
  double bound = 0;  ///< 2 step noise / mu
};

/// A closed form, or doing nothing.
struct ClosedForm {
  std::string name;
  double distance = 0;  ///< to retraining, in units of the full model's
  double seconds = 0;
};

struct ConvexComparison {
  LinearKind model = LinearKind::ridge;
  int64_t n = 0, features = 0, outputs = 0, forgotten = 0;
  double distance = 0;        ///< |theta_full - theta_*|, the unit
  double relative_error = 0;  ///< of the removal against retraining, |difference| / |theta_*|
  double condition = 0;       ///< of A_R; 0 where it was not computed
  std::string method;         ///< of the removal
  LinearModel full, unlearned;
  std::vector<ClosedForm> closed_forms;
  std::vector<MethodCurve> curves;
  Theory ball_theory = Theory::none;
  std::vector<NoiseBall> balls;
  double ball_slope = 0;            ///< of ln measured on ln step
  double predicted_ball_slope = 0;  ///< of ln predicted; NaN without predictions
};

/// On the table's examples and F. Ridge: RidgeRemoval, and every method of docs/theory.md. `progress` is told
/// what is being done; may be empty. Throws what RidgeState::fit() and RidgeRemoval::of() throw, and InputError if
/// the model is the same without F (weights of 0): there is no distance to compare.
ConvexComparison compare_ridge(const Table& table, std::span<const int64_t> forget,
                               const LinearOptions& ridge, const ComparisonOptions& options,
                               int64_t workers,
                               const std::function<void(const std::string&)>& progress = {});

/// The same for logistic regression; the removal is retraining, as nothing else is exact. OptionError for
/// Standardise::again, which has no common coordinates; InputError for a table without labels.
ConvexComparison compare_logistic(const Table& table, std::span<const int64_t> forget,
                                  const LinearOptions& linear, const ComparisonOptions& options,
                                  int64_t workers,
                                  const std::function<void(const std::string&)>& progress = {});

}  // namespace expunge
