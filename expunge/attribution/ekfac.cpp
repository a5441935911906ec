#include "expunge/attribution/ekfac.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <numeric>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/gradients/eigen_curvature.h"
#include "expunge/gradients/margin_directions.h"

namespace expunge {
namespace {

constexpr int64_t points_at_once = 1024;
constexpr int64_t training_at_once = 512;

// softmax(z) - e_y: the gradient of the loss.
torch::Tensor loss_gradients(const torch::Tensor& logits, const torch::Tensor& labels) {
  return logits.softmax(1) - at::one_hot(labels, logits.size(1)).to(logits.scalar_type());
}

// A label for each of the samples first, first + 1, ... from the network's own probabilities.
torch::Tensor drawn_labels(const torch::Tensor& logits, int64_t first, uint64_t seed) {
  const auto reached = logits.softmax(1).to(torch::kFloat64).cumsum(1).contiguous();
  auto labels = at::empty({logits.size(0)}, torch::kInt64);
  const int64_t classes = logits.size(1);
  for (int64_t i = 0; i < logits.size(0); ++i) {
    CounterRng rng(derive_seed(seed, "Fisher label", static_cast<uint64_t>(first + i)));
    const auto* row = reached.data_ptr<double>() + i * classes;
    const auto* at = std::upper_bound(row, row + classes, rng.uniform() * row[classes - 1]);
    labels.data_ptr<int64_t>()[i] = std::min<int64_t>(at - row, classes - 1);
  }
  return labels;
}

// (P, C, C): sqrt(p_c) (p - e_c) for every class c, whose products sum to the expectation.
torch::Tensor all_directions(const torch::Tensor& logits) {
  const auto p = logits.softmax(1);
  return p.sqrt().unsqueeze(2) * (p.unsqueeze(1) - at::eye(logits.size(1), logits.options()));
}

class EkfacEffects final : public ModelEffects {
 public:
  EkfacEffects(const LayeredNetwork& network, const Problem& problem, const EkfacOptions& options,
               uint64_t seed, int64_t workers)
      : network_(network.as(network.parameters().scalar_type())),
        problem_(problem),
        workers_(workers),
        curvature_(
            network, inputs(0, problem.n()),
            [seed, all = options.labels == FisherLabels::all](const torch::Tensor& logits,
                                                              int64_t first) {
              if (all) return all_directions(logits);
              return loss_gradients(logits, drawn_labels(logits, first, seed)).unsqueeze(1);
            },
            options.damp, workers) {}

  torch::Tensor parameter_change(std::span<const int64_t> removal) override {
    auto sum = at::zeros_like(network_->gradient());
    torch::Tensor x, y;
    for (size_t begin = 0; begin < removal.size(); begin += points_at_once) {
      const auto part =
          removal.subspan(begin, std::min<size_t>(points_at_once, removal.size() - begin));
      gather_rows(problem_.inputs, part, x);
      gather_rows(problem_.labels, part, y);
      const auto logits = network_->forward(x.to(sum.scalar_type()), Mode::eval);
      network_->backward(loss_gradients(logits, y));
      sum += network_->gradient();
    }
    const auto layers = layers_of(*network_, inputs(0, 1));
    network_->gradient().copy_(sum / static_cast<double>(problem_.n()));
    curvature_.divide_gradients(layers);
    return network_->gradient();
  }

  torch::Tensor scores(std::span<const int64_t> points) override {
    const int64_t n = problem_.n();
    auto scores = at::empty({n, static_cast<int64_t>(points.size())}, torch::kFloat32);
    for (size_t first = 0; first < points.size(); first += points_at_once) {
      const auto part =
          points.subspan(first, std::min<size_t>(points_at_once, points.size() - first));
      const auto right = turned_margins(part);
      auto columns =
          scores.narrow(1, static_cast<int64_t>(first), static_cast<int64_t>(part.size()));
      parallel_blocks(n, training_at_once, workers_, [&](int64_t begin, int64_t end) {
        const auto left =
            turned_rows(inputs(begin, end - begin), problem_.labels.narrow(0, begin, end - begin),
                        [](const torch::Tensor& logits, const torch::Tensor& labels) {
                          return -loss_gradients(logits, labels);
                        });
        columns.narrow(0, begin, end - begin)
            .copy_(curvature_.products(left, right) / static_cast<double>(n));
      });
    }
    return scores;
  }

 private:
  torch::Tensor inputs(int64_t begin, int64_t count) const {
    return problem_.inputs.narrow(0, begin, count).to(network_->parameters().scalar_type());
  }

  EigenCurvature::Turned turned_rows(
      const torch::Tensor& x, const torch::Tensor& labels,
      const std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)>& directions)
      const {
    const auto own = network_->as(network_->parameters().scalar_type());
    RowCollector rows(*own);
    const auto logits = rows.forward(x);
    rows.add(directions(logits, labels).unsqueeze(1));
    return curvature_.turned(rows);
  }

  EigenCurvature::Turned turned_margins(std::span<const int64_t> points) const {
    torch::Tensor x, y;
    gather_rows(problem_.inputs, points, x);
    gather_rows(problem_.labels, points, y);
    EigenCurvature::Turned turned;
    on_one_thread([&] {
      turned = turned_rows(x.to(network_->parameters().scalar_type()), y, margin_gradients);
    });
    return turned;
  }

  std::unique_ptr<LayeredNetwork> network_;
  const Problem& problem_;
  int64_t workers_;
  EigenCurvature curvature_;
};

}  // namespace

EkfacInfluence::EkfacInfluence(TrainedModels models, const Problem& problem,
                               const EkfacOptions& options, int64_t workers)
    : GradientAttributor(std::move(models), options.models, problem, workers), options_(options) {
  options_.validate();
}

std::unique_ptr<ModelEffects> EkfacInfluence::effects_of(const LayeredNetwork& network,
                                                         int64_t model) const {
  const auto seed =
      derive_seed(static_cast<uint64_t>(options_.seed), "EK-FAC", static_cast<uint64_t>(model));
  return std::make_unique<EkfacEffects>(network, problem(), options_, seed, workers());
}

}  // namespace expunge
