#include "expunge/train/problem.h"

#include <ATen/ops/cat.h>

#include "expunge/core/crc32.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

uint32_t checksum(const torch::Tensor& tensor) {
  return crc32_of(tensor.data_ptr(), static_cast<size_t>(tensor.numel()) * tensor.element_size());
}

uint32_t checksum(const Normalisation& normalisation) {
  auto values = normalisation.mean;
  values.insert(values.end(), normalisation.stddev.begin(), normalisation.stddev.end());
  return crc32_of(values.data(), values.size() * sizeof(float));
}

void check(const DataSplit& data) {
  data.train.validate("training set");
  data.validation.validate("validation set");
  const auto image = [](const Dataset& d) { return d.images.sizes().slice(1); };
  if (image(data.train) != image(data.validation)) {
    fail<InputError>("validation set: images ({}) as in the training set required, got ({})",
                     fmt::join(image(data.train), ", "), fmt::join(image(data.validation), ", "));
  }
  if (data.train.classes() != data.validation.classes()) {
    fail<InputError>("validation set: {} classes as in the training set required, got {}",
                     data.train.classes(), data.validation.classes());
  }
}

void check(const torch::Tensor& inputs, const torch::Tensor& labels, int64_t n, int64_t classes) {
  const bool is_floating =
      inputs.scalar_type() == torch::kFloat32 || inputs.scalar_type() == torch::kFloat64;
  if (inputs.dim() < 2 || !is_floating || inputs.numel() == 0) {
    fail<InputError>("inputs: (points, ...) float32 or float64 required, got ({}) of {}",
                     fmt::join(inputs.sizes(), ", "), toString(inputs.scalar_type()));
  }
  if (labels.dim() != 1 || labels.scalar_type() != torch::kInt64 ||
      labels.size(0) != inputs.size(0)) {
    fail<InputError>("labels: ({}) int64 required, got ({}) of {}", inputs.size(0),
                     fmt::join(labels.sizes(), ", "), toString(labels.scalar_type()));
  }
  if (n < 1 || n > inputs.size(0)) {
    fail<InputError>("training examples: from 1 to all {} points required, got {}", inputs.size(0),
                     n);
  }
  if (classes < 2) fail<InputError>("classes: at least 2 required, got {}", classes);
  const auto wrong = torch::logical_or(labels < 0, labels >= classes).nonzero();
  if (wrong.size(0) > 0) {
    const auto point = wrong[0][0].item<int64_t>();
    fail<InputError>("labels: from 0 to {} required, got {} for point {}", classes - 1,
                     labels[point].item<int64_t>(), point);
  }
  const auto broken = torch::logical_not(torch::isfinite(inputs).flatten(1).all(1)).nonzero();
  if (broken.size(0) > 0) {
    fail<NonFiniteError>("inputs: finite values required, got NaN or infinity at point {}",
                         broken[0][0].item<int64_t>());
  }
}

Normalisation unchanged(int64_t channels) {
  const auto count = static_cast<size_t>(channels);
  return {std::vector<float>(count, 0), std::vector<float>(count, 1)};
}

// What follows from inputs, labels, normalisation and shape.
void finish(Problem& problem, int64_t n) {
  problem.training = {problem.inputs.narrow(0, 0, n), problem.labels.narrow(0, 0, n)};
  const auto& shape = problem.shape;
  problem.fingerprint =
      fmt::format("{:08x}-{:08x}-{:08x}-{}-{}-{}x{}x{}-{}", checksum(problem.inputs),
                  checksum(problem.labels), checksum(problem.normalisation), n, problem.m(),
                  shape.channels, shape.height, shape.width, shape.classes);
}

}  // namespace

Problem Problem::on(torch::Device device, Precision wanted) const {
  Problem moved = *this;
  moved.precision = wanted;
  if (device == inputs.device()) return moved;
  moved.inputs = inputs.to(device);
  moved.training.inputs = moved.inputs.narrow(0, 0, n());
  return moved;
}

Problem make_problem(const DataSplit& data) {
  check(data);
  Problem problem;
  problem.normalisation =
      data.normalise ? normalisation_of(data.train) : unchanged(data.train.images.size(1));
  problem.inputs = normalised({data.train, data.validation}, problem.normalisation);
  problem.labels = at::cat({data.train.labels, data.validation.labels}).contiguous();
  problem.shape = {problem.inputs.size(1), problem.inputs.size(2), problem.inputs.size(3),
                   data.train.classes()};
  finish(problem, data.train.size());
  return problem;
}

Problem make_problem(const torch::Tensor& inputs, const torch::Tensor& labels, int64_t n,
                     int64_t classes) {
  check(inputs, labels, n, classes);
  Problem problem;
  const bool is_image = inputs.dim() == 4;
  problem.inputs =
      inputs.contiguous(is_image ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
  problem.labels = labels.contiguous();
  problem.shape = is_image ? NetworkShape{inputs.size(1), inputs.size(2), inputs.size(3), classes}
                           : NetworkShape{1, 1, inputs[0].numel(), classes};
  problem.normalisation = unchanged(problem.shape.channels);
  finish(problem, n);
  return problem;
}

}  // namespace expunge
