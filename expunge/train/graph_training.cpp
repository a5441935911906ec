#include "expunge/train/graph_training.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "expunge/core/device.h"
#include "expunge/core/error.h"
#include "expunge/train/networks.h"

#if EXPUNGE_HAS_CUDA
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>

#include "expunge/train/graph_lane.h"
#endif

namespace expunge {

#if EXPUNGE_HAS_CUDA

class GraphTraining::Impl {
 public:
  Impl(const Problem& problem, const Recipe& recipe, const TrainingPlan& plan)
      : problem_(problem),
        recipe_(recipe),
        half_(problem.precision == Precision::half),
        data_(plan.resident(problem.training)) {
    C10_CUDA_CHECK(cudaDeviceSynchronize());
  }

  void train(LayeredNetwork& network, std::span<const int64_t> members, uint64_t seed) {
    auto lane = take();
    try {
      lane->train(network, members, seed);
    } catch (const NonFiniteError&) {
      give(std::move(lane));
      throw;
    } catch (const c10::OutOfMemoryError&) {
      lane.reset();
      refuse();
    }
    give(std::move(lane));
  }

  int64_t at_once(int64_t examples, int64_t most) {
    const auto device = problem_.device();
    const int64_t before = free_memory(device);
    auto lane = take();
    lane->prepare(examples);
    give(std::move(lane));
    constexpr int64_t margin = int64_t{256} << 20;
    // The logits of all points are taken beside, a thousand at a time in float32: about a lane's memory.
    const int64_t one = 2 * std::max<int64_t>(before - free_memory(device), 0) + margin;
    return std::clamp<int64_t>((before - margin) / one, 1, std::max<int64_t>(most, 1));
  }

  void release() {
    {
      const std::lock_guard lock(mutex_);
      idle_.clear();
    }
    release_cached_memory(problem_.device());
  }

 private:
  std::unique_ptr<GraphLane> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto lane = std::move(idle_.back());
        idle_.pop_back();
        return lane;
      }
    }
    const auto network = make_network(recipe_.network, problem_.shape);
    try {
      return std::make_unique<GraphLane>(TrainingPlan::make(*network, problem_.shape, half_), data_,
                                         recipe_);
    } catch (const c10::OutOfMemoryError&) {
      refuse();
    }
  }

  void give(std::unique_ptr<GraphLane> lane) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(lane));
  }

  [[noreturn]] void refuse() const {
    fail<OutOfMemory>("training on {}: no memory left for another network",
                      problem_.device().str());
  }

  const Problem& problem_;
  Recipe recipe_;
  bool half_;
  ResidentData data_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<GraphLane>> idle_;
};

std::unique_ptr<GraphTraining> GraphTraining::make(const Problem& problem, const Recipe& recipe) {
  recipe.validate();
  if (!problem.device().is_cuda()) return nullptr;
  const bool half = problem.precision == Precision::half;
  int major = 0;
  C10_CUDA_CHECK(
      cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, problem.device().index()));
  if (half && major < 8) {
    fail<OptionError>("option precision: half required, but {} has no bfloat16",
                      describe_device(problem.device()));
  }
  if (recipe.network.kind == NetworkKind::torchscript) return nullptr;  // step by step
  const auto network = make_network(recipe.network, problem.shape);
  const auto plan = TrainingPlan::make(*network, problem.shape, half);
  if (plan == nullptr) return nullptr;
  return std::unique_ptr<GraphTraining>(
      new GraphTraining(std::make_unique<Impl>(problem, recipe, *plan)));
}

#else

class GraphTraining::Impl {
 public:
  void train(LayeredNetwork&, std::span<const int64_t>, uint64_t) {}
  int64_t at_once(int64_t, int64_t) { return 1; }
  void release() {}
};

std::unique_ptr<GraphTraining> GraphTraining::make(const Problem& /*problem*/,
                                                   const Recipe& recipe) {
  recipe.validate();
  return nullptr;
}

#endif

GraphTraining::GraphTraining(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
GraphTraining::~GraphTraining() = default;

void GraphTraining::train(LayeredNetwork& network, std::span<const int64_t> members,
                          uint64_t seed) {
  impl_->train(network, members, seed);
}
int64_t GraphTraining::at_once(int64_t examples, int64_t most) {
  return impl_->at_once(examples, most);
}
void GraphTraining::release() {
  impl_->release();
}

}  // namespace expunge
