#include "expunge/core/kept_memory.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <optional>
#include <thread>

namespace expunge {
namespace {

// 64 MiB of float32: what malloc always takes from the system, which clears it.
constexpr int64_t kLarge = int64_t{1} << 24;

void write_and_let_go(int64_t count) {
  torch::full({count}, 7, torch::kFloat32);
}

// Whether a tensor of `count` numbers lies where one was written to.
bool is_given_again(const torch::Tensor& tensor) {
  return tensor.data_ptr<float>()[tensor.numel() / 2] == 7;
}

torch::Tensor anew(int64_t count) {
  return torch::empty({count}, torch::kFloat32);
}

TEST(KeptMemory, ABlockIsGivenAgainToATensorOfAboutItsSize) {
  const KeptMemory memory;
  write_and_let_go(kLarge);
  EXPECT_TRUE(is_given_again(anew(kLarge)));
  EXPECT_TRUE(is_given_again(anew(kLarge * 3 / 4)));
  EXPECT_FALSE(is_given_again(anew(kLarge * 5 / 4)));
  EXPECT_FALSE(is_given_again(anew(kLarge / 3)));
}

TEST(KeptMemory, LastsAsLongAsTheOutermost) {
  {
    const KeptMemory memory;
    {
      const KeptMemory inner;
      write_and_let_go(kLarge);
    }
    EXPECT_TRUE(is_given_again(anew(kLarge)));
  }
  EXPECT_FALSE(is_given_again(anew(kLarge)));
}

TEST(KeptMemory, IsAThreadsOwn) {
  const KeptMemory memory;
  write_and_let_go(kLarge);
  std::thread([] { EXPECT_FALSE(is_given_again(anew(kLarge))); }).join();
  EXPECT_TRUE(is_given_again(anew(kLarge)));
}

TEST(KeptMemory, ATensorMayOutliveItAndItsThread) {
  torch::Tensor kept;
  std::optional<torch::Tensor> given = torch::full({kLarge}, 1, torch::kFloat32);
  std::thread([&] {
    const KeptMemory memory;
    kept = torch::full({kLarge}, 2, torch::kFloat32);
    given.reset();  // another thread's block
    given = torch::full({kLarge}, 3, torch::kFloat32);
  }).join();
  EXPECT_EQ(kept.sum(torch::kFloat64).item<double>(), 2.0 * kLarge);
  EXPECT_EQ(given->sum().item<float>(), 3.0 * kLarge);
  kept.resize_({2 * kLarge});
  EXPECT_EQ(kept.narrow(0, 0, kLarge).sum(torch::kFloat64).item<double>(), 2.0 * kLarge);
}

TEST(KeptMemory, EmptyTensorsAreAsEver) {
  const KeptMemory memory;
  EXPECT_EQ(torch::empty({0}, torch::kFloat32).numel(), 0);
  EXPECT_EQ(torch::zeros({3}, torch::kFloat32).sum(torch::kFloat64).item<double>(), 0);
}

}  // namespace
}  // namespace expunge
