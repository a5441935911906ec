// What happens where a CUDA device's memory is too small for as many networks as were asked for.
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "cuda_device.h"
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
  EnsembleSpec spec;
  spec.name = "full";
  spec.models = 12;
  const ScratchFolder folder;
  const MemoryLimit limit(device, int64_t{3} << 30);  // a lane takes about half a GiB
  const auto store = train_ensemble(folder / "many", spec, recipe, problem, 12);
  EXPECT_TRUE(store.is_complete());
  EXPECT_TRUE(torch::isfinite(store.logits()).all().item<bool>());
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
