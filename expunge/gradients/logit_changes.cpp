#include "expunge/gradients/logit_changes.h"

#include <ATen/ops/zeros.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"

namespace expunge {

torch::Tensor logit_changes(const LayeredNetwork& network, const torch::Tensor& directions,
                            const torch::Tensor& inputs, int64_t workers) {
  const auto start = network.parameters().to(torch::kFloat64);
  if (directions.dim() != 2 || directions.size(1) != start.size(0))
    fail("logit changes: directions (K, {}) required, got {}", start.size(0),
         c10::str(directions.sizes()));
  constexpr int64_t block = 500;
  const int64_t points = inputs.size(0);
  const int64_t blocks = (points + block - 1) / block;
  const int64_t classes = network.as(torch::kFloat64)
                              ->forward(inputs.narrow(0, 0, 1).to(torch::kFloat64), Mode::eval)
                              .size(1);
  auto changes = at::zeros({directions.size(0), points, classes}, torch::kFloat32);
  parallel_for(directions.size(0) * blocks, workers, [&](int64_t task) {
    const int64_t k = task / blocks;
    const int64_t begin = task % blocks * block;
    const int64_t count = std::min(block, points - begin);
    const auto v = directions[k].to(torch::kFloat64);
    const double length = v.norm().item<double>();
    if (length == 0) return;
    const double step = 1e-7 * std::max(start.norm().item<double>(), 1.0) / length;
    const auto moved = network.as(torch::kFloat64);
    const auto x = inputs.narrow(0, begin, count).to(torch::kFloat64);
    const auto logits_at = [&](double t) {
      moved->parameters().copy_(start + t * v);
      return moved->forward(x, Mode::eval).clone();
    };
    const auto change = (logits_at(step) - logits_at(-step)) / (2 * step);
    if (!torch::isfinite(change).all().item<bool>())
      fail<NonFiniteError>("logit changes: logits of inputs {} to {} are not finite", begin,
                           begin + count - 1);
    changes[k].narrow(0, begin, count).copy_(change);
  });
  return changes;
}

}  // namespace expunge
