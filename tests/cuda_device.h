// For tests that need a CUDA device: skipped, with the reason, where there is none.
#pragma once

#include <gtest/gtest.h>

#include "expunge/core/device.h"

namespace expunge {

inline std::string why_no_cuda() {
  if (!built_with_cuda()) return "built without CUDA";
  if (cuda_devices() == 0) return "no CUDA device here";
  return "";
}

class CudaTest : public testing::Test {
 protected:
  void SetUp() override {
    if (const auto reason = why_no_cuda(); !reason.empty()) GTEST_SKIP() << reason;
    open({});
  }
  // Again, for another precision.
  void open(ComputeOptions options) {
    options.device = "cuda";
    device = open_device(options);
  }
  torch::Device device = torch::kCPU;
};

/// |a - b| / |b|.
inline double distance_between(const torch::Tensor& a, const torch::Tensor& b) {
  const auto x = a.cpu().to(torch::kFloat64);
  const auto y = b.cpu().to(torch::kFloat64);
  return ((x - y).norm() / y.norm()).item<double>();
}

}  // namespace expunge
