// What happens where a CUDA device's memory is too small for as many networks as were asked for.
#include <ATen/ops/arange.h>
#include <gtest/gtest.h>

#include <atomic>

#include "core/scratch_folder.h"
#include "cuda_device.h"
#include "expunge/core/worker_pool.h"
#include "expunge/train/ensemble.h"
#include "train/tiny_problem.h"

#if EXPUNGE_HAS_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>
#endif

namespace expunge {
namespace {

#if EXPUNGE_HAS_CUDA

// Lets LibTorch allocate so many bytes more than it holds.
class MemoryLimit {
 public:
  MemoryLimit(torch::Device device, int64_t more) : device_(device) {
    release_cached_memory(device);
    size_t free = 0;
    size_t total = 0;
    C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    const auto held =
        c10::cuda::CUDACachingAllocator::getDeviceStats(device.index()).reserved_bytes[0].current;
    c10::cuda::CUDACachingAllocator::setMemoryFraction(
        static_cast<double>(held + more) / static_cast<double>(total), device.index());
  }
  ~MemoryLimit() { c10::cuda::CUDACachingAllocator::setMemoryFraction(1, device_.index()); }

 private:
  torch::Device device_;
};

class CudaMemory : public CudaTest {};

TEST_F(CudaMemory, FewerNetworksAreTrainedAtOnceWhereManyDoNotFit) {
  const auto problem = make_problem({tiny_dataset(512, 1, 3, 32), tiny_dataset(30, 2, 3, 32)})
                           .on(device, Precision::float32);
  Recipe recipe;
  recipe.network = {.kind = NetworkKind::resnet9, .width = 0.5};
  recipe.epochs = 1;
  recipe.batch_size = 256;
  const auto members_tensor = torch::arange(512, torch::kInt64);
  const std::span<const int64_t> members(members_tensor.data_ptr<int64_t>(), 512);
  const auto graphs = GraphTraining::make(problem, recipe);
  const int64_t before = free_memory(device);
  graphs->at_once(512, 1);
  const int64_t lane = before - free_memory(device);
  EXPECT_GT(lane, 0);
  graphs->release();

  const MemoryLimit limit(device, 4 * lane);
  std::vector<int64_t> went_on;
  std::atomic<int64_t> trained{0};
  const int64_t workers = parallel_for_halving(
      24, 12,
      [&](int64_t i) {
        on_device(device, [&] {
          auto network = make_network(recipe.network, problem.shape);
          network->initialise(static_cast<uint64_t>(i));
          network = network->on(device);
          graphs->train(*network, members, static_cast<uint64_t>(i));
          EXPECT_TRUE(torch::isfinite(network->parameters()).all().item<bool>());
        });
        ++trained;
      },
      [&](int64_t left) {
        went_on.push_back(left);
        graphs->release();
      });
  EXPECT_EQ(trained.load(), 24);
  EXPECT_LT(workers, 12) << "a lane takes " << lane << " bytes";
  ASSERT_FALSE(went_on.empty());
  EXPECT_EQ(went_on.front(), 6);
}

TEST_F(CudaMemory, OneNetworkThatDoesNotFitIsAnError) {
  const auto problem = make_problem({tiny_dataset(512, 1, 3, 32), tiny_dataset(30, 2, 3, 32)})
                           .on(device, Precision::float32);
  Recipe recipe;
  recipe.network = {.kind = NetworkKind::resnet9, .width = 1};
  recipe.epochs = 1;
  recipe.batch_size = 512;
  EnsembleSpec spec;
  spec.name = "full";
  spec.models = 2;
  const ScratchFolder folder;
  const MemoryLimit limit(device, int64_t{64} << 20);
  EXPECT_THROW(train_ensemble(folder / "none", spec, recipe, problem, 2), OutOfMemory);
}

#else

TEST(CudaMemory, NeedsABuildWithCuda) {
  GTEST_SKIP() << "built without CUDA";
}

#endif

}  // namespace
}  // namespace expunge
