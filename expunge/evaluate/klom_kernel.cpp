#include "expunge/evaluate/klom_kernel.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "expunge/core/simd.h"

namespace expunge {
namespace {

// Points that are worked on together: whole vectors on every CPU. Arrays of a group of points are
// (rows, kLanes); where fewer points are left, the other lanes hold margin 0 and are not read.
constexpr int64_t kLanes = 64;

/// What one group of points needs.
struct Scratch {
  Scratch(int64_t models, int64_t bins)
      : clipped(models * kLanes),
        edges((bins + 1) * kLanes),
        unlearned_at_least(edges.size()),
        oracles_at_least(edges.size()) {}
  std::vector<float> clipped;               // (Nu + No, kLanes), the unlearned models first
  std::vector<float> edges;                 // (bins + 1, kLanes)
  std::vector<int32_t> unlearned_at_least;  // (bins + 1, kLanes): models at or above each edge
  std::vector<int32_t> oracles_at_least;
};

/// Clips `count` <= kLanes margins into a row of kLanes, and widens each lane's range by them.
/// False if one is NaN or infinite.
EXPUNGE_VECTOR_CLONES
bool clip_row(const float* __restrict margins, int64_t count, float clip, float* __restrict clipped,
              float* __restrict low, float* __restrict high) {
  float padded[kLanes] = {};
  if (count < kLanes) {
    std::copy(margins, margins + count, padded);
    margins = padded;
  }
  int32_t bad = 0;
  for (int64_t j = 0; j < kLanes; ++j) {
    float x = margins[j];
    bad |= static_cast<int32_t>(!(std::abs(x) <= std::numeric_limits<float>::max()));
    x = x < -clip ? -clip : x;
    x = x > clip ? clip : x;
    clipped[j] = x;
    low[j] = x < low[j] ? x : low[j];
    high[j] = x > high[j] ? x : high[j];
  }
  return bad == 0;
}

/// numpy.linspace(low, high, bins + 1) of float32 numbers. The product is formed in double, where
/// it is exact, and rounded to float by itself, so that no compiler fuses it with the sum: NumPy
/// rounds twice. The sum of two floats rounded to double and then to float is correctly rounded.
void fill_edges(const float* low, float* high, int64_t bins, float* edges) {
  const auto count = static_cast<float>(bins);
  for (int64_t j = 0; j < kLanes; ++j) {
    if (high[j] == low[j]) high[j] = low[j] + 1;
    const float range = high[j] - low[j];
    const float step = range / count;
    for (int64_t k = 0; k < bins; ++k) {
      // A step below the smallest number: NumPy divides first, so that the edges still advance.
      const float offset =
          step == 0 ? static_cast<float>(static_cast<double>(static_cast<float>(k) / count) * range)
                    : static_cast<float>(static_cast<double>(k) * step);
      const auto edge = static_cast<float>(static_cast<double>(offset) + low[j]);
      // Where the step is subnormal its rounding may carry an edge past the maximum.
      edges[k * kLanes + j] = std::min(edge, high[j]);
    }
    edges[bins * kLanes + j] = high[j];
  }
}

/// at_least[k] = number of models whose margin is >= edge k, each lane for itself. Counting against
/// every edge is exact by construction and has neither branches nor scattered writes: several times
/// faster than computing each margin's bin.
EXPUNGE_VECTOR_CLONES
void count_at_least(const float* __restrict clipped, int64_t models, const float* __restrict edges,
                    int64_t bins, int32_t* __restrict at_least) {
  std::fill_n(at_least, kLanes, static_cast<int32_t>(models));  // edge 0 is the minimum
  std::fill_n(at_least + kLanes, bins * kLanes, 0);
  for (int64_t i = 0; i < models; ++i) {
    const float* x = clipped + i * kLanes;
    for (int64_t k = 1; k <= bins; ++k) {
      const float* edge = edges + k * kLanes;
      int32_t* count = at_least + k * kLanes;
      for (int64_t j = 0; j < kLanes; ++j) count[j] += static_cast<int32_t>(x[j] >= edge[j]);
    }
  }
}

}  // namespace

KlomKernel::KlomKernel(const KlomOptions& options, int64_t unlearned_models, int64_t oracle_models)
    : unlearned_models_(unlearned_models),
      oracle_models_(oracle_models),
      bins_(options.bins),
      clip_(static_cast<float>(options.clip)),
      keep_maximum_(options.convention == KlomConvention::corrected),
      log_floor_(std::log(options.floor_probability)),
      log_(std::max(unlearned_models, oracle_models) + 1) {
  for (size_t k = 1; k < log_.size(); ++k) log_[k] = std::log(static_cast<double>(k));
}

/// Step 5 of the definition for one lane, from the counts at or above each edge.
double KlomKernel::divergence(const int32_t* unlearned_at_least,
                              const int32_t* oracles_at_least) const {
  const int64_t end = bins_ * kLanes;
  const int32_t u_dropped = keep_maximum_ ? 0 : unlearned_at_least[end];
  const int32_t o_dropped = keep_maximum_ ? 0 : oracles_at_least[end];
  const auto u_total = static_cast<int32_t>(unlearned_models_) - u_dropped;
  const auto o_total = static_cast<int32_t>(oracle_models_) - o_dropped;
  double sum = 0;
  for (int64_t at = 0; at < end; at += kLanes) {
    const bool last = at + kLanes == end;
    const int32_t u = unlearned_at_least[at] - (last ? u_dropped : unlearned_at_least[at + kLanes]);
    if (u == 0) continue;
    const int32_t o = oracles_at_least[at] - (last ? o_dropped : oracles_at_least[at + kLanes]);
    const double log_p = log_[u] - log_[u_total];
    const double log_q = o == 0 ? log_floor_ : std::max(log_[o] - log_[o_total], log_floor_);
    sum += u * (log_p - log_q);
  }
  return u_total == 0 ? 0 : sum / u_total;
}

bool KlomKernel::operator()(MarginRows unlearned, MarginRows oracles, int64_t begin, int64_t end,
                            double* out) const {
  Scratch scratch(unlearned_models_ + oracle_models_, bins_);
  float* const oracles_clipped = scratch.clipped.data() + unlearned_models_ * kLanes;
  for (int64_t first = begin; first < end; first += kLanes) {
    const int64_t count = std::min(kLanes, end - first);
    float low[kLanes];
    float high[kLanes];
    std::fill_n(low, kLanes, std::numeric_limits<float>::infinity());
    std::fill_n(high, kLanes, -std::numeric_limits<float>::infinity());
    bool finite = true;
    float* clipped = scratch.clipped.data();
    for (const MarginRows side : {unlearned, oracles}) {
      for (const float* row : side) {
        finite = clip_row(row + first, count, clip_, clipped, low, high) && finite;
        clipped += kLanes;
      }
    }
    if (!finite) return false;
    fill_edges(low, high, bins_, scratch.edges.data());
    count_at_least(scratch.clipped.data(), unlearned_models_, scratch.edges.data(), bins_,
                   scratch.unlearned_at_least.data());
    count_at_least(oracles_clipped, oracle_models_, scratch.edges.data(), bins_,
                   scratch.oracles_at_least.data());
    for (int64_t j = 0; j < count; ++j) {
      *out++ =
          divergence(scratch.unlearned_at_least.data() + j, scratch.oracles_at_least.data() + j);
    }
  }
  return true;
}

}  // namespace expunge
