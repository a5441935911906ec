// LASSO regressions of many targets on the same masks.
//
// Problem. For target y (N), design X of centred columns (lasso_design.h), penalty lambda:
//     minimise over beta (n), b:  1 / (2 N) |y - b - X beta|^2 + lambda |beta|_1,
// as in Ilyas et al. (arXiv 2202.00622) and in scikit-learn. With c = X'(y - X beta) / N the optimum
// has |c_i| <= lambda where beta_i = 0, and c_i = lambda sign(beta_i) elsewhere (KKT).
//
// Duality gap. With r = y - b - X beta and s = min(1, lambda / max|c|) the point s r / N is feasible
// in the dual problem, whose value there is D = (s y'r - s^2 r'r / 2) / N (Fercoq, Gramfort and
// Salmon, arXiv 1505.03410). The objective is at most P - D above the optimum. A target is done
// when P - D <= tolerance |y - mean|^2 / (2 N), scikit-learn's measure.
//
// Method. Targets go in blocks, whose correlations with all columns are one matrix product.
// Sparse targets one by one: coordinate descent on a working set, whose covariances are counted on
// bits (or looked up); then the correlations of all columns, and whoever breaks the KKT conditions
// joins. The first working set is that of the strong rule (Tibshirani et al., arXiv 1011.2234): along
// a path, |c_i| >= 2 lambda - the step before's. Targets that want more columns than pays go on
// together, all columns in runs of 64: each run's correlations for all targets by one matrix
// product, coordinate descent within it, and one product to update all residuals.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "expunge/attribution/lasso_design.h"

namespace expunge {

/// The coefficients of a target that are not 0, by increasing example.
struct SparseEffects {
  std::vector<int32_t> examples;
  std::vector<float> values;
};

/// A target's solution at one step of its path.
struct LassoSolution {
  SparseEffects effects;
  double gap = 0;  // P - D as a share of |y - mean|^2 / (2 N)
};

struct LassoSolverOptions {
  double tolerance = 1e-4;  // of the duality gap, as above
  int64_t workers = 0;      // threads, 0: one a processor; the result does not depend on it

  /// Throws OptionError.
  void validate() const;
};

/// What is done with a target's solution at a step of its path; false: its path ends here. Called from
/// several threads at once, for other targets.
using LassoVisitor =
    std::function<bool(int64_t target, int64_t step, const LassoSolution& solution)>;

/// (T) float64: each target's least penalty at which all coefficients are 0. targets (T, N) float32
/// whose rows need not be centred.
torch::Tensor largest_lambdas(const LassoDesign& design, const torch::Tensor& targets,
                              int64_t workers = 0);

/// Solves each target along its penalties. targets (T, N) float32 (rows need not be centred), one a
/// row; lambdas (T, L) float64, positive, falling along each row. Each step starts from the one
/// before. InputError for shapes that do not fit, penalties that are not as said, and a target that
/// is not solved to the tolerance in many rounds (a tolerance below float32's rounding); NonFiniteError.
void solve_lasso_paths(const LassoDesign& design, const torch::Tensor& targets,
                       const torch::Tensor& lambdas, const LassoSolverOptions& options,
                       const LassoVisitor& visit);

/// One penalty a target, (T) float64.
std::vector<LassoSolution> solve_lasso(const LassoDesign& design, const torch::Tensor& targets,
                                       const torch::Tensor& lambdas,
                                       const LassoSolverOptions& options = {});

}  // namespace expunge
