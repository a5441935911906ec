#include "expunge/data/normalisation.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "expunge/core/error.h"

namespace expunge {
namespace {

constexpr int64_t kImagesAtOnce = 1000;

double unit_of(const Dataset& data) {
  return data.images.scalar_type() == torch::kUInt8 ? 1.0 / 255 : 1.0;
}

// Of one channel's values.
struct Moments {
  double mean = 0, variance = 0;
  bool varies = false;
};

Moments of_bytes(const torch::Tensor& images, int64_t channel) {
  std::array<int64_t, 256> count{};
  const int64_t pixels = images.size(2) * images.size(3);
  for (int64_t i = 0; i < images.size(0); ++i) {
    const auto* plane = images.data_ptr<uint8_t>() + (i * images.size(1) + channel) * pixels;
    for (int64_t k = 0; k < pixels; ++k) ++count[plane[k]];
  }
  const auto all = static_cast<double>(images.size(0) * pixels);
  Moments result;
  for (size_t value = 0; value < count.size(); ++value) {
    result.mean += static_cast<double>(count[value]) * static_cast<double>(value) / 255 / all;
  }
  for (size_t value = 0; value < count.size(); ++value) {
    const double deviation = static_cast<double>(value) / 255 - result.mean;
    result.variance += static_cast<double>(count[value]) / all * deviation * deviation;
  }
  result.varies = std::count(count.begin(), count.end(), 0) < std::ssize(count) - 1;
  return result;
}

Moments of_floats(const torch::Tensor& images, int64_t channel) {
  // Sum over blocks of images of the mean of `value`, weighted by their share.
  const auto mean_of = [&](const auto& value) {
    double mean = 0;
    for (int64_t begin = 0; begin < images.size(0); begin += kImagesAtOnce) {
      const int64_t count = std::min(kImagesAtOnce, images.size(0) - begin);
      const auto block = images.narrow(0, begin, count).select(1, channel).to(torch::kFloat64);
      mean += value(block).mean().template item<double>() * static_cast<double>(count) /
              static_cast<double>(images.size(0));
    }
    return mean;
  };
  Moments result;
  const auto values = images.select(1, channel);
  result.mean = mean_of([](const torch::Tensor& x) { return x; });
  result.variance = mean_of([&](const torch::Tensor& x) { return (x - result.mean).square_(); });
  result.varies = values.min().item<float>() != values.max().item<float>();
  return result;
}

}  // namespace

Normalisation normalisation_of(const Dataset& train) {
  const bool bytes = train.images.scalar_type() == torch::kUInt8;
  const auto images = train.images.contiguous();
  Normalisation result;
  for (int64_t c = 0; c < images.size(1); ++c) {
    const auto moments = bytes ? of_bytes(images, c) : of_floats(images, c);
    const auto stddev = static_cast<float>(std::sqrt(moments.variance));
    result.mean.push_back(static_cast<float>(moments.mean));
    // A constant's variance about its rounded mean is not 0, and all of it is rounding.
    result.stddev.push_back(moments.varies && stddev > 0 ? stddev : 1.0F);
  }
  return result;
}

torch::Tensor normalised(std::initializer_list<std::reference_wrapper<const Dataset>> sets,
                         const Normalisation& normalisation) {
  std::vector<int64_t> shape;
  for (const Dataset& set : sets) {
    const auto channels = static_cast<size_t>(set.images.size(1));
    if (normalisation.mean.size() != channels || normalisation.stddev.size() != channels) {
      fail<InputError>("{}: a normalisation of {} channels required, got one of {}", set.name,
                       channels, normalisation.mean.size());
    }
    if (shape.empty()) {
      shape = set.images.sizes().vec();
    } else {
      shape[0] += set.images.size(0);
    }
  }
  // One channel alone is channels last as it is.
  auto result = torch::empty(shape, torch::kFloat32);
  if (!result.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    result = torch::empty(shape, result.options().memory_format(at::MemoryFormat::ChannelsLast));
  }
  const auto per_channel = [](const std::vector<float>& v) {
    return torch::tensor(v).view({1, -1, 1, 1});
  };
  const auto mean = per_channel(normalisation.mean);
  const auto stddev = per_channel(normalisation.stddev);
  int64_t at = 0;
  for (const Dataset& set : sets) {
    for (int64_t begin = 0; begin < set.images.size(0); begin += kImagesAtOnce) {
      const int64_t count = std::min(kImagesAtOnce, set.images.size(0) - begin);
      auto to = result.narrow(0, at, count);
      to.copy_(set.images.narrow(0, begin, count)).mul_(unit_of(set)).sub_(mean).div_(stddev);
      at += count;
    }
  }
  return result;
}

}  // namespace expunge
