// Leading singular vectors of a square matrix that is known by its products only.
//
// B = sum of sigma_i u_i v_i', sigma_1 >= sigma_2 >= ... >= 0, u_i and v_i orthonormal.
//
// Method. A block Krylov space with a bounded basis: Q (n, b) with orthonormal columns and its
// image B'Q. The singular value decomposition B'Q = V S Z' gives approximate triplets (Q Z, S, V),
// the best that the space holds (Rayleigh and Ritz); B'u = sigma v holds for them exactly, and
// what is missing is the residual r = B v - sigma u. The residuals of the leading triplets enlarge
// the basis; when it is full it shrinks to the leading left vectors (thick restart; Wu and Simon,
// SIAM J. Matrix Anal. Appl. 2000). The first basis is drawn at random, so that no vector is
// missed.
//
// Error. The angle between u and the true left vector is at most |r| / gap, the gap being the
// distance of sigma to the nearest other singular value (Wedin, BIT 1972). Where the gap is nearly
// 0 a single vector means nothing: only the space of all that share the value does.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>

namespace expunge {

/// B (n, n): times(x) = B x and transposed_times(x) = B'x for x (n, k) float64 contiguous.
struct SquareMap {
  int64_t n = 0;
  std::function<torch::Tensor(const torch::Tensor&)> times;
  std::function<torch::Tensor(const torch::Tensor&)> transposed_times;
};

struct SingularTriplet {
  torch::Tensor left;    // u (n) float64
  torch::Tensor right;   // v (n) float64
  double value = 0;      // sigma
  double gap = 0;        // to the nearest other singular value; sigma itself where n is 1
  double residual = 0;   // |B v - sigma u|
  int64_t products = 0;  // columns that B and B' were multiplied by
};

/// The largest component that singular_triplet() looks for.
constexpr int64_t largest_component = 200;

/// The component-th largest singular value, component >= 1, and its vectors, whose common sign is
/// arbitrary: residual at most 1e-10 sigma_1 and 1e-6 of the gap. Deterministic from the seed, and
/// independent of the number of processors where the products are. OptionError unless component is
/// from 1 to n and at most largest_component, and where it is beyond the rank of B (sigma below
/// 1e-12 sigma_1). Error if the gap is below 1e-8 sigma_1, or if the residual is not reached after
/// `steps` enlargements of the basis. NonFiniteError if a product is not finite.
SingularTriplet singular_triplet(const SquareMap& map, int64_t component, uint64_t seed,
                                 int64_t steps = 1000);

}  // namespace expunge
