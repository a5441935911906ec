#include "expunge/core/device.h"

#include <gtest/gtest.h>

#include "message_of.h"

namespace expunge {
namespace {

TEST(Device, NamesAreChecked) {
  for (const std::string name : {"cpu", "cuda", "cuda:0", "cuda:17"})
    EXPECT_NO_THROW(ComputeOptions{.device = name}.validate()) << name;
  for (const std::string name :
       {"", "gpu", "cuda:", "cuda:-1", "cuda:x", "cuda:1x", "CUDA", "cuda:99999999999999999999"}) {
    const auto message =
        message_of<OptionError>([&] { ComputeOptions{.device = name}.validate(); });
    EXPECT_EQ(message, "option device: cpu, cuda or cuda:K required, got \"" + name + "\"");
  }
}

TEST(Device, TheCpuIsAlwaysThere) {
  EXPECT_TRUE(open_device({}).is_cpu());
  EXPECT_EQ(describe_device(torch::kCPU), "cpu");
  int calls = 0;
  on_device(torch::kCPU, [&] { ++calls; });
  EXPECT_EQ(calls, 1);
}

TEST(Device, TheCpuHasNoHalfPrecision) {
  const auto message =
      message_of<OptionError>([] { open_device({.device = "cpu", .precision = Precision::half}); });
  EXPECT_EQ(message, "option precision: float32 required on device \"cpu\", got \"half\"");
}

TEST(Device, OneThatIsNotThereIsRefusedInOneLine) {
  const int64_t there = cuda_devices();
  const std::string name = fmt::format("cuda:{}", there);
  const auto message = message_of<OptionError>([&] { open_device({.device = name}); });
  EXPECT_EQ(message.find('\n'), std::string::npos);
  if (!built_with_cuda()) {
    EXPECT_EQ(there, 0);
    EXPECT_NE(message.find("\"cuda:0\" required, but this expunge is built with LibTorch"),
              std::string::npos)
        << message;
    EXPECT_NE(message.find("EXPUNGE_TORCH_DIR"), std::string::npos) << message;
  } else if (there == 0) {
    EXPECT_EQ(message, "option device: \"cuda:0\" required, but no CUDA device or driver is here");
  } else {
    EXPECT_EQ(message, fmt::format("option device: cuda:0 to cuda:{} required, got \"{}\"",
                                   there - 1, name));
  }
}

}  // namespace
}  // namespace expunge
