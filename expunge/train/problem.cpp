#include "expunge/train/problem.h"

#include <ATen/ops/cat.h>
#include <zlib.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

uint64_t checksum(const torch::Tensor& tensor) {
  const auto* bytes = static_cast<const Bytef*>(tensor.data_ptr());
  const auto size = static_cast<z_size_t>(tensor.numel() * tensor.element_size());
  return crc32_z(0, bytes, size);
}

}  // namespace

Problem make_problem(const DataSplit& data) {
  Problem problem;
  problem.normalisation = normalisation_of(data.train);
  problem.inputs = at::cat({normalised(data.train, problem.normalisation),
                            normalised(data.validation, problem.normalisation)})
                       .contiguous(at::MemoryFormat::ChannelsLast);
  problem.labels = at::cat({data.train.labels, data.validation.labels}).contiguous();
  const int64_t n = data.train.size();
  problem.training = {problem.inputs.narrow(0, 0, n), problem.labels.narrow(0, 0, n)};
  problem.shape = {problem.inputs.size(1), problem.inputs.size(2), problem.inputs.size(3),
                   data.train.classes()};
  problem.fingerprint = fmt::format("{:08x}-{:08x}-{}-{}", checksum(problem.inputs),
                                    checksum(problem.labels), n, problem.labels.size(0));
  return problem;
}

}  // namespace expunge
