#include "expunge/attribution/trak.h"

#include <ATen/ops/cholesky_solve.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_cholesky_ex.h>

#include <algorithm>
#include <numeric>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/gradients/gradient_projection.h"
#include "expunge/gradients/margin_directions.h"

namespace expunge {
namespace {

constexpr int64_t samples_at_once = 256;

struct MarginFeatures {
  torch::Tensor gradients;  // (P, k) projected gradients of the margins
  torch::Tensor doubt;      // (P) 1 - probability of the label
};

MarginFeatures margin_features(const LayeredNetwork& network, const torch::Tensor& inputs,
                               const torch::Tensor& labels, const GradientProjection& projection,
                               int64_t workers) {
  const int64_t points = inputs.size(0);
  const auto options = network.parameters().options();
  MarginFeatures features{at::empty({points, projection.dimensions()}, options),
                          at::empty({points}, options)};
  parallel_blocks(points, samples_at_once, workers, [&](int64_t begin, int64_t end) {
    const auto own = network.as(network.parameters().scalar_type());
    RowCollector rows(*own);
    const auto logits = rows.forward(inputs.narrow(0, begin, end - begin));
    const auto y = labels.narrow(0, begin, end - begin);
    rows.add(margin_gradients(logits, y).unsqueeze(1));
    const auto gradients = projection.project(rows);
    if (!torch::isfinite(gradients).all().item<bool>())
      fail<NonFiniteError>("TRAK: gradients of a model are not finite");
    features.gradients.narrow(0, begin, end - begin).copy_(gradients);
    const auto own_share = logits.softmax(1).gather(1, y.unsqueeze(1)).squeeze(1);
    features.doubt.narrow(0, begin, end - begin).copy_(1 - own_share);
  });
  return features;
}

// a'b of matrices of many rows, columns of a shared out.
torch::Tensor moment(const torch::Tensor& a, const torch::Tensor& b, int64_t workers) {
  auto out = at::empty({a.size(1), b.size(1)}, a.options());
  parallel_blocks(a.size(1), 256, workers, [&](int64_t begin, int64_t end) {
    auto to = out.narrow(0, begin, end - begin);
    gemm(a.narrow(1, begin, end - begin), true, b, false, to);
  });
  return out;
}

class TrakEffects final : public ModelEffects {
 public:
  TrakEffects(const LayeredNetwork& network, const Problem& problem, const TrakOptions& options,
              uint64_t seed, int64_t workers)
      : network_(network.as(network.parameters().scalar_type())),
        problem_(problem),
        workers_(workers),
        projection_(options.dimensions, seed),
        training_(of(0, problem.n())) {
    auto system = moment(training_.gradients, training_.gradients, workers).to(torch::kFloat64);
    auto diagonal = system.diagonal();
    diagonal += options.damp * diagonal.mean().item<double>();
    const BlasTurn turn;
    const auto [factor, info] = at::linalg_cholesky_ex(system);
    if (info.item<int>() != 0) {
      fail<InputError>(
          "TRAK: the gradients' second moment with trak_damp {} is not positive "
          "definite; a larger one required",
          options.damp);
    }
    factor_ = factor;
  }

  torch::Tensor parameter_change(std::span<const int64_t> removal) override {
    const auto rows = torch::tensor(std::vector<int64_t>(removal.begin(), removal.end()));
    const auto sum =
        training_.gradients.index_select(0, rows).t().mv(training_.doubt.index_select(0, rows));
    const auto layers = layers_of(*network_, inputs(0, 1));
    projection_.write_back(-solved(sum.unsqueeze(1)).squeeze(1), layers);
    return network_->gradient();
  }

  torch::Tensor scores(std::span<const int64_t> points) override {
    torch::Tensor x, y;
    gather_rows(problem_.inputs, points, x);
    gather_rows(problem_.labels, points, y);
    const auto at_points = margin_features(*network_, x.to(network_->parameters().scalar_type()), y,
                                           projection_, workers_);
    const auto weights = solved(at_points.gradients.t());
    auto scores = at::empty({problem_.n(), weights.size(1)}, weights.options());
    parallel_blocks(problem_.n(), samples_at_once, workers_, [&](int64_t begin, int64_t end) {
      auto to = scores.narrow(0, begin, end - begin);
      gemm(training_.gradients.narrow(0, begin, end - begin), false, weights, false, to);
      to *= training_.doubt.narrow(0, begin, end - begin).unsqueeze(1);
    });
    return scores.to(torch::kFloat32);
  }

 private:
  torch::Tensor inputs(int64_t begin, int64_t count) const {
    return problem_.inputs.narrow(0, begin, count).to(network_->parameters().scalar_type());
  }

  MarginFeatures of(int64_t begin, int64_t count) const {
    return margin_features(*network_, inputs(begin, count), problem_.labels.narrow(0, begin, count),
                           projection_, workers_);
  }

  // (Phi'Phi + lambda I)^-1 b, b (k, P).
  torch::Tensor solved(const torch::Tensor& b) const {
    auto x = at::empty({b.size(0), b.size(1)}, b.options());
    parallel_blocks(b.size(1), samples_at_once, workers_, [&](int64_t begin, int64_t end) {
      const BlasTurn turn;
      x.narrow(1, begin, end - begin)
          .copy_(at::cholesky_solve(b.narrow(1, begin, end - begin).to(torch::kFloat64), factor_));
    });
    return x;
  }

  std::unique_ptr<LayeredNetwork> network_;
  const Problem& problem_;
  int64_t workers_;
  GradientProjection projection_;
  MarginFeatures training_;
  torch::Tensor factor_;  // (k, k) float64
};

}  // namespace

Trak::Trak(TrainedModels models, const Problem& problem, const TrakOptions& options,
           int64_t workers)
    : GradientAttributor(std::move(models), options.models, problem, workers), options_(options) {
  options_.validate();
}

std::unique_ptr<ModelEffects> Trak::effects_of(const LayeredNetwork& network, int64_t model) const {
  const auto seed = derive_seed(static_cast<uint64_t>(options_.seed), "TRAK projection",
                                static_cast<uint64_t>(model));
  return std::make_unique<TrakEffects>(network, problem(), options_, seed, workers());
}

}  // namespace expunge
