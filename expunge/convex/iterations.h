// Gradient methods that a user might unlearn a linear model with, run from the full optimum and measured.
//
// Each returns distances |theta_t - theta_*|, Frobenius, at the times asked for; what diverges beyond 1e12
// times its first distance, or stops being finite, ends there and its list is shorter.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace expunge {

/// theta <- theta - step gradient(theta).
std::vector<double> descend(const std::function<torch::Tensor(const torch::Tensor&)>& gradient,
                            const torch::Tensor& start, const torch::Tensor& reference, double step,
                            std::span<const int64_t> times);

/// How a linear model's outputs become what its targets are compared with.
enum class Link { identity, logistic, softmax };

/// Mean over rows of the loss whose gradient is (link(theta' z_i) - y_i) z_i, and half theta' P theta: squared
/// error by identity, two classes' and many classes' logistic loss by the others.
struct StochasticObjective {
  torch::Tensor z;        // (n, p) float64, contiguous
  torch::Tensor y;        // (n, k)
  torch::Tensor weights;  // (n): factor of a row's gradient; undefined for 1
  torch::Tensor penalty;  // (p)
  Link link = Link::identity;
};

struct SgdRuns {
  double step = 0;
  int64_t batch = 1;
  int64_t runs = 1;
  uint64_t seed = 0;
  std::string role;  ///< name of the random stream (core/random.h)
  int64_t workers = 0;
};

struct SgdCurve {
  std::vector<double> mean_square;     // mean over runs of |theta_t - theta_*|^2
  std::vector<double> standard_error;  // of that mean; 0 for one run
};

/// SGD with a constant step, batches drawn with replacement; run r draws from derive_seed(seed, role, r), so
/// that nothing depends on the number of workers. A run that diverges makes mean_square infinite from there
/// on.
SgdCurve stochastic_descend(const StochasticObjective& objective, const torch::Tensor& start,
                            const torch::Tensor& reference, const SgdRuns& runs,
                            std::span<const int64_t> times);

}  // namespace expunge
