#include "expunge/convex/table.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <fmt/ranges.h>

#include <cstring>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"

namespace expunge {
namespace {

void require_finite(const torch::Tensor& values, const char* what, const std::string& where) {
  if (at::isfinite(values).all().item<bool>()) return;
  const auto at = at::isfinite(values.reshape({values.size(0), -1})).all(1).logical_not().nonzero();
  fail<NonFiniteError>("{}: finite {} required, got another in example {}", where, what,
                       at[0][0].item<int64_t>());
}

void require_shape(const torch::Tensor& values, std::initializer_list<int64_t> shape,
                   torch::ScalarType dtype, const char* what, const std::string& where) {
  const std::vector<int64_t> wanted(shape);
  if (values.defined() && values.is_cpu() && values.scalar_type() == dtype &&
      values.sizes().vec() == wanted)
    return;
  fail<InputError>("{}: {} ({}) of {} required, got ({}) of {}", where, what,
                   fmt::join(wanted, ", "), toString(dtype),
                   values.defined() ? fmt::format("{}", fmt::join(values.sizes(), ", ")) : "none",
                   values.defined() ? toString(values.scalar_type()) : "nothing");
}

}  // namespace

void Table::validate(const std::string& where) const {
  if (!x.defined() || x.dim() != 2 || x.size(0) < 1 || x.size(1) < 1)
    fail<InputError>("{}: at least one example and one feature required", where);
  if (!y.defined() || y.dim() != 2 || y.size(1) < 1)
    fail<InputError>("{}: at least one target required", where);
  require_shape(x, {size(), features()}, torch::kFloat64, "features", where);
  require_shape(y, {size(), outputs()}, torch::kFloat64, "targets", where);
  require_finite(x, "features", where);
  require_finite(y, "targets", where);
  if (labels.defined()) {
    require_shape(labels, {size()}, torch::kInt64, "labels", where);
    if (labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() >= outputs()) {
      fail<InputError>("{}: labels from 0 to {} required, got {} to {}", where, outputs() - 1,
                       labels.min().item<int64_t>(), labels.max().item<int64_t>());
    }
  }
  if (weights.defined()) {
    require_shape(weights, {size()}, torch::kFloat64, "weights", where);
    require_finite(weights, "weights", where);
    if (weights.min().item<double>() < 0 || weights.max().item<double>() <= 0)
      fail<InputError>("{}: weights of at least 0, one of them positive, required", where);
  }
}

torch::Tensor Table::weights_or_ones() const {
  return weights.defined() ? weights : at::ones({size()}, torch::kFloat64);
}

Table Table::rows(std::span<const int64_t> indices) const {
  const auto at = index_tensor(indices);
  Table part;
  part.name = name;
  part.x = x.index_select(0, at);
  part.y = y.index_select(0, at);
  if (labels.defined()) part.labels = labels.index_select(0, at);
  if (weights.defined()) part.weights = weights.index_select(0, at);
  part.class_names = class_names;
  return part;
}

Table labelled_table(torch::Tensor x, torch::Tensor labels, std::vector<std::string> class_names) {
  const auto k = static_cast<int64_t>(class_names.size());
  if (labels.numel() > 0 &&
      (labels.min().item<int64_t>() < 0 || labels.max().item<int64_t>() >= k)) {
    fail<InputError>("labels: 0 to {} required, got {} to {}", k - 1, labels.min().item<int64_t>(),
                     labels.max().item<int64_t>());
  }
  Table table;
  table.x = std::move(x);
  table.y = at::zeros({labels.size(0), k}, torch::kFloat64);
  table.y.scatter_(1, labels.unsqueeze(1), 1.0);
  table.labels = std::move(labels);
  table.class_names = std::move(class_names);
  return table;
}

torch::Tensor index_tensor(std::span<const int64_t> indices) {
  auto tensor = at::empty({static_cast<int64_t>(indices.size())}, torch::kInt64);
  if (!indices.empty()) std::memcpy(tensor.data_ptr(), indices.data(), indices.size_bytes());
  return tensor;
}

Coordinates Coordinates::identity(int64_t d) {
  return {at::zeros({d}, torch::kFloat64), at::ones({d}, torch::kFloat64)};
}

Coordinates Coordinates::of(const torch::Tensor& x, const torch::Tensor& weights) {
  // By blocks that stay in the cache, mean first: no square is taken of what has one sign.
  const int64_t n = x.size(0);
  const int64_t d = x.size(1);
  const auto share = (weights / weights.sum()).view({1, n});
  constexpr int64_t block = 2048;
  auto mean = at::zeros({1, d}, torch::kFloat64);
  auto variance = at::zeros({1, d}, torch::kFloat64);
  auto largest = at::zeros({d}, torch::kFloat64);
  const auto over_blocks = [&](const auto& action) {
    for (int64_t begin = 0; begin < n; begin += block) {
      const int64_t count = std::min(block, n - begin);
      action(x.narrow(0, begin, count), share.narrow(1, begin, count));
    }
  };
  over_blocks([&](const torch::Tensor& rows, const torch::Tensor& part) {
    mean.add_(part.matmul(rows));
    largest = at::maximum(largest, at::maximum(rows.amax(0), -rows.amin(0)));
  });
  over_blocks([&](const torch::Tensor& rows, const torch::Tensor& part) {
    variance.add_(part.matmul((rows - mean).square_()));
  });
  const auto deviation = variance.squeeze(0).sqrt();
  return {mean.squeeze(0),
          at::where(deviation > 1e-12 * largest, deviation, at::ones_like(deviation))};
}

torch::Tensor design_rows(const Table& table, std::span<const int64_t> indices,
                          const Coordinates& coordinates) {
  const auto at = index_tensor(indices);
  const int64_t d = table.features();
  auto rows = at::ones({at.size(0), d + 1}, torch::kFloat64);
  auto features = rows.narrow(1, 0, d);
  features.copy_(table.x.index_select(0, at)).sub_(coordinates.mean).div_(coordinates.scale);
  if (table.weights.defined()) rows.mul_(table.weights.index_select(0, at).sqrt().unsqueeze(1));
  return rows;
}

torch::Tensor design_matrix(const Table& table, const Coordinates& coordinates) {
  const int64_t d = table.features();
  auto rows = at::ones({table.size(), d + 1}, torch::kFloat64);
  auto features = rows.narrow(1, 0, d);
  features.copy_(table.x).sub_(coordinates.mean).div_(coordinates.scale);
  if (table.weights.defined()) rows.mul_(table.weights.sqrt().unsqueeze(1));
  return rows;
}

LinearModel LinearModel::from(const torch::Tensor& theta, const Coordinates& coordinates) {
  const int64_t d = coordinates.mean.size(0);
  LinearModel model;
  model.weights = theta.narrow(0, 0, d) / coordinates.scale.unsqueeze(1);
  model.intercept = theta[d] - (model.weights * coordinates.mean.unsqueeze(1)).sum(0);
  return model;
}

torch::Tensor LinearModel::in(const Coordinates& coordinates) const {
  const auto last = intercept + (weights * coordinates.mean.unsqueeze(1)).sum(0);
  return at::cat({weights * coordinates.scale.unsqueeze(1), last.unsqueeze(0)});
}

torch::Tensor LinearModel::outputs(const torch::Tensor& x) const {
  return product(x, false, weights, false).add_(intercept);
}

}  // namespace expunge
