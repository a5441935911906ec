#include "expunge/train/problem.h"

#include <ATen/ops/cat.h>
#include <zlib.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

uint32_t checksum(const void* bytes, size_t size) {
  return static_cast<uint32_t>(crc32_z(0, static_cast<const Bytef*>(bytes), size));
}

uint32_t checksum(const torch::Tensor& tensor) {
  return checksum(tensor.data_ptr(), static_cast<size_t>(tensor.numel()) * tensor.element_size());
}

uint32_t checksum(const Normalisation& normalisation) {
  auto values = normalisation.mean;
  values.insert(values.end(), normalisation.stddev.begin(), normalisation.stddev.end());
  return checksum(values.data(), values.size() * sizeof(float));
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
  problem.normalisation = normalisation_of(data.train);
  problem.inputs = at::cat({normalised(data.train, problem.normalisation),
                            normalised(data.validation, problem.normalisation)})
                       .contiguous(at::MemoryFormat::ChannelsLast);
  problem.labels = at::cat({data.train.labels, data.validation.labels}).contiguous();
  const int64_t n = data.train.size();
  problem.training = {problem.inputs.narrow(0, 0, n), problem.labels.narrow(0, 0, n)};
  const auto& shape = problem.shape = {problem.inputs.size(1), problem.inputs.size(2),
                                       problem.inputs.size(3), data.train.classes()};
  problem.fingerprint =
      fmt::format("{:08x}-{:08x}-{:08x}-{}-{}-{}x{}x{}-{}", checksum(problem.inputs),
                  checksum(problem.labels), checksum(problem.normalisation), n, problem.m(),
                  shape.channels, shape.height, shape.width, shape.classes);
  return problem;
}

}  // namespace expunge
