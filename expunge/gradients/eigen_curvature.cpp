#include "expunge/gradients/eigen_curvature.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/linalg_eigh.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

constexpr int64_t samples_at_once = 128;
constexpr int64_t lanes = 8;  // sums that are taken side by side, whatever the workers
constexpr int64_t terms_at_once = 1024;
constexpr int64_t groups_of_outputs = 8;
constexpr double negligible = 1e-3;  // of the damping

void add_product(torch::Tensor& sum, const torch::Tensor& a, const torch::Tensor& b) {
  if (!sum.defined()) sum = at::zeros({a.size(1), b.size(1)}, a.options());
  gemm(a, true, b, false, sum, 1, 1);
}

void add_sum(torch::Tensor& sum, const torch::Tensor& x) {
  sum = sum.defined() ? sum + x : x;
}

// QG' W QA of W (R, out, d) -> (R, out d).
torch::Tensor turned_weights(const torch::Tensor& w, const torch::Tensor& gradients,
                             const torch::Tensor& inputs) {
  const auto right = product(w.reshape({-1, w.size(2)}), false, inputs, false).view(w.sizes());
  const auto by_input = right.transpose(1, 2).reshape({-1, w.size(1)});
  return product(by_input, false, gradients, false)
      .view({w.size(0), w.size(2), w.size(1)})
      .transpose(1, 2)
      .reshape({w.size(0), -1});
}

struct Sums {
  LayerKind kind{};
  torch::Tensor inputs, gradients, values;
};

// visit(rows, lane) for the rows of all samples: those of a lane in order.
template <class Visit>
void for_each_block(const LayeredNetwork& network, const torch::Tensor& inputs,
                    const EigenCurvature::Directions& directions, int64_t workers,
                    const Visit& visit) {
  const int64_t blocks = (inputs.size(0) + samples_at_once - 1) / samples_at_once;
  parallel_for(std::min(lanes, blocks), workers, [&](int64_t lane) {
    const auto own = network.as(network.parameters().scalar_type());
    for (int64_t b = lane; b < blocks; b += lanes) {
      const int64_t first = b * samples_at_once;
      RowCollector rows(*own);
      const auto logits =
          rows.forward(inputs.narrow(0, first, std::min(samples_at_once, inputs.size(0) - first)));
      if (!torch::isfinite(logits).all().item<bool>())
        fail<NonFiniteError>("curvature: the network's logits are not finite");
      rows.add(directions(logits, first));
      visit(rows, static_cast<size_t>(lane));
    }
  });
}

// In columns, the largest eigenvalue's first.
torch::Tensor eigenvectors(const torch::Tensor& moment) {
  const BlasTurn turn;
  return std::get<1>(at::linalg_eigh(moment.to(torch::kFloat64)))
      .flip(1)
      .to(moment.scalar_type())
      .contiguous();
}

using ByLane = std::vector<std::vector<Sums>>;

Sums total(const ByLane& by_lane, size_t layer) {
  Sums sum;
  for (const auto& lane : by_lane) {
    if (layer >= lane.size()) continue;
    if (lane[layer].inputs.defined()) add_sum(sum.inputs, lane[layer].inputs);
    if (lane[layer].gradients.defined()) add_sum(sum.gradients, lane[layer].gradients);
    if (lane[layer].values.defined()) add_sum(sum.values, lane[layer].values);
  }
  return sum;
}

void add_moments(const LayerRows& rows, Sums& sums) {
  switch (kind_of(*rows.layer)) {
    case LayerKind::linear: {
      const auto inputs = design(rows);
      add_product(sums.inputs, inputs, inputs);
      add_product(sums.gradients, rows.gradients, rows.gradients);
      return;
    }
    case LayerKind::convolution: {
      const auto patches = positions_as_rows(design(rows));
      const auto gradients = positions_as_rows(rows.gradients.flatten(2));
      add_product(sums.inputs, patches, patches);
      add_product(sums.gradients, gradients, gradients);
      return;
    }
    case LayerKind::batch_norm:
      return;
  }
}

// A convolution's rows in pieces of a bounded size: visit(weights' gradients (r, out, d), first row).
template <class Visit>
void for_each_weights(const LayerRows& rows, const torch::Tensor& samples, const Visit& visit) {
  constexpr int64_t numbers_at_once = 8 << 20;
  const auto& weight = rows.layer->parameters()[0]->value;
  const int64_t block = std::max<int64_t>(1, numbers_at_once / weight.numel());
  for (int64_t first = 0; first < samples.size(0); first += block) {
    const int64_t count = std::min(block, samples.size(0) - first);
    visit(convolution_gradients(rows, samples, first, count), first);
  }
}

}  // namespace

EigenCurvature::EigenCurvature(const LayeredNetwork& network, const torch::Tensor& inputs,
                               const Directions& directions, double damp, int64_t workers) {
  ByLane moments(lanes);
  for_each_block(network, inputs, directions, workers, [&](const RowCollector& rows, size_t lane) {
    moments[lane].resize(rows.layers().size());
    for (size_t l = 0; l < rows.layers().size(); ++l) {
      moments[lane][l].kind = kind_of(*rows.layers()[l].layer);
      add_moments(rows.layers()[l], moments[lane][l]);
    }
  });
  for (const auto& layer : moments.front()) blocks_.emplace_back().kind = layer.kind;
  parallel_for(static_cast<int64_t>(2 * blocks_.size()), workers, [&](int64_t task) {
    auto& block = blocks_[static_cast<size_t>(task / 2)];
    const auto sums = total(moments, static_cast<size_t>(task / 2));
    if (!sums.inputs.defined()) return;
    if (task % 2 == 0) {
      block.inputs = eigenvectors(sums.inputs);
    } else {
      block.gradients = eigenvectors(sums.gradients);
    }
  });

  ByLane values(lanes);
  for_each_block(network, inputs, directions, workers, [&](const RowCollector& rows, size_t lane) {
    values[lane].resize(blocks_.size());
    const auto& samples = rows.samples_of_rows();
    for (size_t l = 0; l < blocks_.size(); ++l) {
      const auto& of = rows.layers()[l];
      auto& sum = values[lane][l].values;
      switch (blocks_[l].kind) {
        case LayerKind::linear: {
          const auto a = product(design(of), false, blocks_[l].inputs, false).square_();
          const auto g = product(of.gradients, false, blocks_[l].gradients, false).square_();
          add_product(sum, g, by_row(a, samples));
          break;
        }
        case LayerKind::convolution:
          for_each_weights(of, samples, [&](const torch::Tensor& w, int64_t) {
            add_sum(sum, turned_weights(w, blocks_[l].gradients, blocks_[l].inputs)
                             .square_()
                             .sum(0)
                             .view({w.size(1), w.size(2)}));
          });
          break;
        case LayerKind::batch_norm:
          add_sum(sum, batch_norm_gradients(of, samples).square_().sum(0));
          break;
      }
    }
  });

  for (size_t l = 0; l < blocks_.size(); ++l) {
    auto& block = blocks_[l];
    block.values = total(values, l).values / static_cast<double>(inputs.size(0));
    const double mean = block.values.mean().item<double>();
    if (!std::isfinite(mean)) fail<NonFiniteError>("curvature: gradients are not finite");
    block.damping = mean > 0 ? damp * mean : 1;
    if (block.kind != LayerKind::linear) continue;
    // 1 + the last input whose value is not negligible, for each output.
    const auto position = torch::arange(1, block.values.size(1) + 1, torch::kInt64);
    const auto cuts = ((block.values > negligible * block.damping) * position).amax(1);
    const auto order = cuts.argsort();
    const int64_t outputs = cuts.size(0);
    const int64_t size = (outputs + groups_of_outputs - 1) / groups_of_outputs;
    for (int64_t begin = 0; begin < outputs; begin += size) {
      const auto members = order.narrow(0, begin, std::min(size, outputs - begin)).contiguous();
      block.groups.push_back({members, cuts.index_select(0, members).max().item<int64_t>()});
    }
  }
}

void EigenCurvature::divide_gradients(const RowCollector& rows) const {
  for (size_t l = 0; l < blocks_.size(); ++l) {
    const auto& block = blocks_[l];
    const auto parameters = rows.layers()[l].layer->parameters();
    auto& first = parameters[0]->gradient;
    if (block.kind == LayerKind::batch_norm) {
      const auto by = block.values + block.damping;
      first.div_(by.narrow(0, 0, first.size(0)));
      parameters[1]->gradient.div_(by.narrow(0, first.size(0), first.size(0)));
      continue;
    }
    auto w = first.flatten(1);
    const int64_t own = w.size(1);
    if (parameters.size() > 1) w = at::cat({w, parameters[1]->gradient.unsqueeze(1)}, 1);
    const auto left = product(block.gradients, true, w.contiguous(), false);
    const auto divided = product(left, false, block.inputs, false) / (block.values + block.damping);
    const auto back =
        product(product(block.gradients, false, divided, false), false, block.inputs, true);
    first.copy_(back.narrow(1, 0, own).reshape(first.sizes()));
    if (parameters.size() > 1) parameters[1]->gradient.copy_(back.select(1, own));
  }
}

EigenCurvature::Turned EigenCurvature::turned(const RowCollector& rows) const {
  Turned result;
  const auto& samples = rows.samples_of_rows();
  for (size_t l = 0; l < blocks_.size(); ++l) {
    const auto& block = blocks_[l];
    const auto& of = rows.layers()[l];
    torch::Tensor a, g;
    switch (block.kind) {
      case LayerKind::linear:
        a = product(block.inputs, true, by_row(design(of), samples), true);
        g = product(block.gradients, true, of.gradients, true);
        break;
      case LayerKind::convolution:
        g = at::empty({samples.size(0), block.values.numel()}, block.values.options());
        for_each_weights(of, samples, [&](const torch::Tensor& w, int64_t first) {
          g.narrow(0, first, w.size(0)).copy_(turned_weights(w, block.gradients, block.inputs));
        });
        break;
      case LayerKind::batch_norm:
        g = batch_norm_gradients(of, samples);
        break;
    }
    result.inputs.push_back(a);
    result.gradients.push_back(g);
  }
  return result;
}

torch::Tensor EigenCurvature::products(const Turned& left, const Turned& right) const {
  torch::Tensor out;
  const auto add = [&](const torch::Tensor& x) { out = out.defined() ? out.add_(x) : x; };
  for (size_t l = 0; l < blocks_.size(); ++l) {
    const auto& block = blocks_[l];
    const auto& g = left.gradients[l];
    const auto& h = right.gradients[l];
    if (block.kind != LayerKind::linear) {
      add(product(g, false, h / (block.values.flatten() + block.damping), true));
      continue;
    }
    for (const auto& [outputs, cut] : block.groups) {
      const auto left_outputs = g.index_select(0, outputs);
      const auto right_outputs = h.index_select(0, outputs);
      if (const int64_t rest = block.values.size(1) - cut; rest > 0) {
        add(product(left.inputs[l].narrow(0, cut, rest), true, right.inputs[l].narrow(0, cut, rest),
                    false)
                .mul_(product(left_outputs, true, right_outputs, false))
                .div_(block.damping));
      }
      if (cut == 0) continue;
      const auto a = left.inputs[l].narrow(0, 0, cut);
      const auto b = right.inputs[l].narrow(0, 0, cut);
      const auto weights =
          1 / (block.values.index_select(0, outputs).narrow(1, 0, cut) + block.damping);
      if (!out.defined()) out = at::zeros({g.size(1), h.size(1)}, g.options());
      const int64_t at_once = std::max<int64_t>(1, terms_at_once / cut);
      for (int64_t begin = 0; begin < outputs.size(0); begin += at_once) {
        const int64_t count = std::min(at_once, outputs.size(0) - begin);
        const auto x = left_outputs.narrow(0, begin, count).unsqueeze(1) * a;
        const auto y = (right_outputs.narrow(0, begin, count).unsqueeze(1) * b)
                           .mul_(weights.narrow(0, begin, count).unsqueeze(2));
        gemm(x.flatten(0, 1), true, y.flatten(0, 1), false, out, 1, 1);
      }
    }
  }
  return out;
}

}  // namespace expunge
