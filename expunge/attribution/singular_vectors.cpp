#include "expunge/attribution/singular_vectors.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_svd.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

constexpr double tolerance = 1e-10;       // of residuals, in units of the largest singular value
constexpr double least_gap = 1e-8;        // in the same units
constexpr double least_value = 1e-12;     // in the same units; less is 0 up to rounding
constexpr double angle_tolerance = 1e-6;  // of a residual in units of the gap
constexpr int64_t guard_vectors = 8;      // beside those that are asked for
constexpr int64_t least_basis = 120;      // columns at which the basis may be cut back

double norm_of(const torch::Tensor& x) {
  return at::linalg_vector_norm(x).item<double>();
}

class Search {
 public:
  Search(const SquareMap& map, int64_t component, uint64_t seed)
      : map_(map),
        component_(component),
        block_(std::min(map.n, component + 1 + guard_vectors)),
        most_(std::max(least_basis, 8 * block_)) {
    CounterRng rng(derive_seed(seed, "singular vectors", 0));
    auto start = at::empty({map.n, block_}, torch::kFloat64);
    auto* values = start.data_ptr<double>();
    for (int64_t i = 0; i < start.numel(); ++i) values[i] = rng.normal();
    basis_ = at::empty({map.n, 0}, torch::kFloat64);
    image_ = at::empty({map.n, 0}, torch::kFloat64);
    enlarge(start);
  }

  // One round: triplets of the basis as it is, then a larger basis. True when they are good
  // enough, or as good as they can be because the basis holds all that the products lead to.
  bool step() {
    on_one_thread([&] {
      auto [v, s, zt] = at::linalg_svd(image_, /*full_matrices=*/false);
      left_ = basis_.matmul(zt.t()).contiguous();
      right_ = v.contiguous();
      values_ = s;
    });
    torch::Tensor residuals = times(right_.slice(1, 0, block_).contiguous(), map_.times);
    on_one_thread([&] { residuals -= left_.slice(1, 0, block_) * values_.slice(0, 0, block_); });
    norms_.clear();
    for (int64_t i = 0; i < block_; ++i) norms_.push_back(norm_of(residuals.select(1, i)));
    if (value(0) == 0 || is_good()) return true;
    if (basis_.size(1) + block_ > most_) {
      const int64_t kept = std::min(basis_.size(1), most_ / 2);
      basis_ = left_.slice(1, 0, kept).contiguous();
      image_ = right_.slice(1, 0, kept) * values_.slice(0, 0, kept);
    }
    return !enlarge(residuals);
  }

  [[nodiscard]] SingularTriplet result() const {
    const int64_t c = component_ - 1;
    return {.left = left_.select(1, c).clone(),
            .right = right_.select(1, c).clone(),
            .value = value(c),
            .gap = gap(),
            .residual = norms_[static_cast<size_t>(c)],
            .products = products_};
  }
  [[nodiscard]] double value(int64_t i) const { return values_[i].item<double>(); }
  // Whether everything that is promised holds, but for the gap.
  [[nodiscard]] bool is_converged() const {
    return *std::max_element(norms_.begin(), norms_.begin() + component_) <= tolerance * value(0);
  }

 private:
  [[nodiscard]] double gap() const {
    const int64_t c = component_ - 1;
    double least = value(c);
    if (component_ > 1) least = std::min(least, value(c - 1) - value(c));
    if (component_ < map_.n) least = std::min(least, value(c) - value(c + 1));
    return least;
  }

  // The component and all before it have converged, and the gap is known to a few per cent or to
  // be too small.
  [[nodiscard]] bool is_good() const {
    if (!is_converged()) return false;
    const double floor = tolerance * value(0);
    const auto c = static_cast<size_t>(component_ - 1);
    const double next = component_ < map_.n ? norms_[c + 1] : 0;
    if (next > std::max(floor, 0.01 * gap())) return false;
    return norms_[c] <= angle_tolerance * gap() || gap() < least_gap * value(0);
  }

  torch::Tensor times(const torch::Tensor& x,
                      const std::function<torch::Tensor(const torch::Tensor&)>& product) {
    products_ += x.size(1);
    auto y = product(x);
    if (!torch::isfinite(y).all().item<bool>())
      fail<NonFiniteError>("singular vectors: a product with the matrix is not finite");
    return y;
  }

  // Takes what `candidates` add to the basis (Gram and Schmidt, twice); false if they add nothing.
  bool enlarge(const torch::Tensor& candidates) {
    const double scale = values_.defined() ? value(0) : 0;
    torch::Tensor added = at::empty({map_.n, 0}, torch::kFloat64);
    on_one_thread([&] {
      for (int64_t c = 0; c < candidates.size(1); ++c) {
        auto x = candidates.select(1, c).contiguous().clone();
        double norm = norm_of(x);
        if (norm <= 1e-15 * scale) continue;  // converged
        for (int pass = 0; pass < 2 && norm > 0; ++pass) {
          x /= norm;
          for (const auto& q : {basis_, added}) x -= q.matmul(q.t().matmul(x));
          norm = norm_of(x);
          if (norm < 1e-9) norm = 0;  // nothing but rounding is left
        }
        if (norm > 0) added = at::cat({added, (x / norm).unsqueeze(1)}, 1);
      }
    });
    if (added.size(1) == 0) return false;
    basis_ = at::cat({basis_, added}, 1);
    image_ = at::cat({image_, times(added.contiguous(), map_.transposed_times)}, 1);
    return true;
  }

  const SquareMap& map_;
  int64_t component_;
  int64_t block_;
  int64_t most_;
  int64_t products_ = 0;
  torch::Tensor basis_;  // Q (n, b)
  torch::Tensor image_;  // B'Q (n, b)
  torch::Tensor left_, right_, values_;
  std::vector<double> norms_;  // of the first block_ residuals
};

}  // namespace

SingularTriplet singular_triplet(const SquareMap& map, int64_t component, uint64_t seed,
                                 int64_t steps) {
  const int64_t most = std::min(map.n, largest_component);
  if (component < 1 || component > most) {
    fail<OptionError>("option component: a whole number from 1 to {} required, got {}", most,
                      component);
  }
  Search search(map, component, seed);
  bool is_done = false;
  for (int64_t i = 0; i < steps && !is_done; ++i) is_done = search.step();
  const auto found = search.result();
  const double scale = search.value(0);
  if (scale == 0 || (search.is_converged() && found.value <= least_value * scale)) {
    fail<OptionError>(
        "option component: a component within the rank of the matrix required, got {}, whose "
        "singular value is 0 up to rounding (the largest is {:.3g})",
        component, scale);
  }
  if (!is_done || !search.is_converged()) {
    fail(
        "component {} was not found: residual {:.2g} with singular value {:.6g} after {} products, "
        "at most {:.2g} required",
        component, found.residual, found.value, found.products, tolerance * scale);
  }
  if (found.gap < least_gap * scale) {
    fail(
        "component {} is not defined: its singular value {:.6g} is {:.2g} from another one, at "
        "least {:.2g} required to tell their vectors apart",
        component, found.value, found.gap, least_gap * scale);
  }
  return found;
}

}  // namespace expunge
