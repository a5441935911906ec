#include "expunge/data/normalisation.h"

#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

double unit_of(const Dataset& data) {
  return data.images.scalar_type() == torch::kUInt8 ? 1.0 / 255 : 1.0;
}

}  // namespace

Normalisation normalisation_of(const Dataset& train) {
  Normalisation result;
  for (int64_t c = 0; c < train.images.size(1); ++c) {
    const auto values = train.images.select(1, c).to(torch::kFloat64) * unit_of(train);
    const double mean = values.mean().item<double>();
    const double variance = (values - mean).square().mean().item<double>();
    const auto stddev = static_cast<float>(std::sqrt(variance));
    // A constant's variance about its rounded mean is not 0, and all of it is rounding.
    const bool varies = values.min().item<double>() != values.max().item<double>();
    result.mean.push_back(static_cast<float>(mean));
    result.stddev.push_back(varies && stddev > 0 ? stddev : 1.0F);
  }
  return result;
}

torch::Tensor normalised(const Dataset& data, const Normalisation& normalisation) {
  const auto channels = static_cast<size_t>(data.images.size(1));
  if (normalisation.mean.size() != channels || normalisation.stddev.size() != channels) {
    fail<InputError>("{}: a normalisation of {} channels required, got one of {}", data.name,
                     channels, normalisation.mean.size());
  }
  const auto per_channel = [](const std::vector<float>& v) {
    return torch::tensor(v).view({1, -1, 1, 1});
  };
  auto images = data.images.to(torch::kFloat32, false, true);
  images.mul_(unit_of(data))
      .sub_(per_channel(normalisation.mean))
      .div_(per_channel(normalisation.stddev));
  return images;
}

}  // namespace expunge
