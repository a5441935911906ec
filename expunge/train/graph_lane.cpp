#if EXPUNGE_HAS_CUDA
#include "expunge/train/graph_lane.h"

#include <ATen/cuda/CUDAGraph.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <mutex>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/train/trainer.h"

namespace expunge {
namespace {

constexpr int64_t steps_of_one_graph = 64;  // an epoch of no more steps becomes one graph
constexpr int64_t spare_steps = 256;        // run before a capture, with whatever is in memory

// One capture at a time: LibTorch's libraries make handles and plans meanwhile.
std::mutex& capture_mutex() {
  static std::mutex mutex;
  return mutex;
}

StepRule rule_of(const OptimiserOptions& o) {
  const bool adam = o.kind != OptimiserKind::sgd;
  const bool decoupled = o.kind == OptimiserKind::adamw;
  const auto f = [](double x) { return static_cast<float>(x); };
  return {adam ? 1 : 0,
          o.nesterov ? 1 : 0,
          f(o.momentum),
          decoupled ? 0 : f(o.weight_decay),
          decoupled ? f(o.weight_decay) : 0,
          f(o.beta1),
          f(o.beta2),
          f(o.epsilon)};
}

}  // namespace

// A captured and instantiated CUDA graph; the memory of its tensors is that of the lane's pool.
class GraphLane::Graph {
 public:
  Graph(c10::cuda::CUDAStream stream, c10::MempoolId_t pool, const std::function<void()>& work)
      : device_(stream.device_index()), pool_(pool) {
    namespace allocator = c10::cuda::CUDACachingAllocator;
    allocator::beginAllocateToPool(device_, pool_,
                                   [raw = stream.stream()](cudaStream_t s) { return s == raw; });
    cudaGraph_t graph = nullptr;
    std::exception_ptr error;
    C10_CUDA_CHECK(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
    try {
      work();
    } catch (...) {
      error = std::current_exception();
    }
    const auto ended = cudaStreamEndCapture(stream, &graph);
    allocator::endAllocateToPool(device_, pool_);
    if (!error && ended == cudaSuccess) {
      const auto made = cudaGraphInstantiate(&graph_, graph, 0);
      cudaGraphDestroy(graph);
      if (made == cudaSuccess) return;
      release();
      C10_CUDA_CHECK(made);
    }
    if (graph != nullptr) cudaGraphDestroy(graph);
    cudaGetLastError();
    release();
    if (error) std::rethrow_exception(error);
    C10_CUDA_CHECK(ended);
  }
  ~Graph() {
    if (graph_ != nullptr) cudaGraphExecDestroy(graph_);
    release();
  }
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  void launch(cudaStream_t stream) const { C10_CUDA_CHECK(cudaGraphLaunch(graph_, stream)); }

 private:
  void release() { c10::cuda::CUDACachingAllocator::get()->releasePool(device_, pool_); }

  c10::DeviceIndex device_;
  c10::MempoolId_t pool_;
  cudaGraphExec_t graph_ = nullptr;
};

class GraphLane::Impl {
 public:
  Impl(std::unique_ptr<TrainingPlan> plan, const ResidentData& data, const Recipe& recipe)
      : plan_(std::move(plan)),
        data_(data),
        recipe_(recipe),
        rule_(rule_of(recipe.optimiser)),
        stream_(c10::cuda::getStreamFromPool(false, data.rows.device().index())),
        pool_(at::cuda::graph_pool_handle()) {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    const auto device = data.rows.device();
    plan_->allocate(device);
    first_ = torch::zeros_like(plan_->memory.parameters);
    if (recipe.optimiser.kind != OptimiserKind::sgd)
      second_ = torch::zeros_like(plan_->memory.parameters);
    const int64_t n = data.rows.size(0);
    order_capacity_ = n * recipe.epochs;
    const int64_t steps = (n + recipe.batch_size - 1) / recipe.batch_size * recipe.epochs;
    const auto ints = torch::TensorOptions().dtype(torch::kInt32).device(device);
    // Before a capture the steps run on whatever is here: example 0, at a learning rate of 0.
    order_ = at::zeros({order_capacity_ + spare_steps * recipe.batch_size}, ints);
    factors_ = at::zeros({steps + spare_steps, 3}, ints.dtype(torch::kFloat32));
    const int64_t batch = std::min(recipe.batch_size, n);
    batch_ = plan_->make_batch(data, batch);
    labels_ = at::zeros({batch}, ints);
    stream_.synchronize();
  }

  ~Impl() {
    graphs_.clear();
    stream_.synchronize();
  }

  void prepare(int64_t examples) {
    const c10::cuda::CUDAStreamGuard guard(stream_);
    for (const auto& batches : schedule_of(examples)) graph_for(batches);
  }

  void train(LayeredNetwork& network, std::span<const int64_t> members, uint64_t seed) {
    const auto n = static_cast<int64_t>(members.size());
    if (n == 0) fail<InputError>("at least one training example required, got none");
    if (n > data_.rows.size(0))
      fail("training: at most {} examples required, got {}", data_.rows.size(0), n);
    // The network comes from the caller's stream.
    c10::cuda::getCurrentCUDAStream(data_.rows.device().index()).synchronize();
    const c10::cuda::CUDAStreamGuard guard(stream_);
    const auto schedule = schedule_of(n);
    std::vector<const Graph*> graphs;
    for (const auto& batches : schedule) graphs.push_back(&graph_for(batches));
    upload(members, seed);
    plan_->load(network);
    first_.zero_();
    if (second_.defined()) second_.zero_();
    const auto begin = torch::tensor({0, 0, std::numeric_limits<int>::max()}, torch::kInt32);
    plan_->memory.progress.copy_(begin);
    for (int64_t epoch = 0; epoch < recipe_.epochs; ++epoch) {
      for (const auto* graph : graphs) graph->launch(stream_);
      const auto progress = plan_->memory.progress.cpu();
      const int diverged = progress.data_ptr<int>()[2];
      if (diverged != std::numeric_limits<int>::max()) {
        fail<NonFiniteError>("training diverged: loss not finite at step {} of {}", diverged,
                             (n + recipe_.batch_size - 1) / recipe_.batch_size * recipe_.epochs);
      }
    }
    plan_->store(network);
    stream_.synchronize();
  }

 private:
  // The batches of each graph of an epoch: one for all, where they are few.
  [[nodiscard]] std::vector<std::vector<int64_t>> schedule_of(int64_t examples) const {
    std::vector<int64_t> batches;
    for (int64_t begin = 0; begin < examples; begin += recipe_.batch_size)
      batches.push_back(std::min(recipe_.batch_size, examples - begin));
    if (std::ssize(batches) <= steps_of_one_graph) return {batches};
    std::vector<std::vector<int64_t>> single;
    single.reserve(batches.size());
    for (const int64_t batch : batches) single.push_back({batch});
    return single;
  }

  const Graph& graph_for(const std::vector<int64_t>& batches) {
    auto& graph = graphs_[batches];
    if (graph != nullptr) return *graph;
    const std::lock_guard lock(capture_mutex());
    try {
      auto sizes = batches;
      std::sort(sizes.begin(), sizes.end());
      sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
      plan_->memory.progress.zero_();
      for (const int64_t size : sizes) step(size, 0, 0);
      plan_->forget();
      stream_.synchronize();
      // What the steps needed outside the capture's pool is free again.
      c10::cuda::CUDACachingAllocator::emptyCache();
      graph = std::make_unique<Graph>(stream_, pool_, [&] {
        int steps = 0;
        int examples = 0;
        for (const int64_t size : batches) {
          step(size, steps++, examples);
          examples += static_cast<int>(size);
        }
        plan_->memory.kernels->launch("advance", {1, 1, 1, 1, 0}, plan_->memory.progress.data_ptr(),
                                      steps, examples);
        plan_->forget();
      });
    } catch (...) {
      graphs_.erase(batches);
      plan_->forget();
      throw;
    }
    return *graph;
  }

  // Gather, forward, backward, optimiser: the graph's step `number`, from its example `begin` on.
  void step(int64_t size, int number, int begin) {
    auto& memory = plan_->memory;
    const auto& kernels = *memory.kernels;
    if (plan_->input() == PlanInput::patches) {
      const auto& patches = plan_->patches();
      const int64_t parts = patches.positions() * patches.columns / 8;
      kernels.launch(memory.name("gather_patches"), {(parts + 127) / 128, size, 128, 1, 0},
                     data_.rows.data_ptr(), data_.labels.data_ptr(), order_.data_ptr(),
                     memory.progress.data_ptr(), begin, batch_.data_ptr(), labels_.data_ptr(),
                     patches);
    } else {
      const int64_t bytes = data_.rows.size(1) * static_cast<int64_t>(data_.rows.element_size());
      const bool wide = bytes % 16 == 0;
      const int units = static_cast<int>(bytes / (wide ? 16 : 2));
      kernels.launch(wide ? "gather_16" : "gather_2", {size, 1, 256, 1, 0}, data_.rows.data_ptr(),
                     data_.labels.data_ptr(), order_.data_ptr(), memory.progress.data_ptr(), begin,
                     batch_.data_ptr(), labels_.data_ptr(), units);
    }
    plan_->run(plan_->inputs_of(batch_, size), labels_.narrow(0, 0, size), number);

    GradientSegments segments{};
    int count = 0;
    int64_t largest = plan_->direct_count();
    segments.of[count++] = {memory.gradient.data_ptr(), 0, static_cast<int>(plan_->direct_count()),
                            0};
    for (const auto& [tensor, gradient] : plan_->gradients()) {
      if (count == GradientSegments::most)
        fail("training: at most {} gradients required", GradientSegments::most);
      segments.of[count++] = {gradient.data_ptr(), tensor.at, static_cast<int>(tensor.count),
                              gradient.scalar_type() == torch::kBFloat16 ? 1 : 0};
      largest = std::max(largest, tensor.count);
    }
    const int64_t blocks = std::min((largest + 255) / 256, 4 * kernels.processors());
    void* low = memory.low.defined() ? memory.low.data_ptr() : nullptr;
    void* second = second_.defined() ? second_.data_ptr() : nullptr;
    kernels.launch(memory.name("optimise"), {blocks, count, 256, 1, 0}, segments,
                   memory.parameters.data_ptr(), first_.data_ptr(), second, low,
                   factors_.data_ptr(), memory.progress.data_ptr(), number, rule_);
  }

  // The orders of all epochs, and each step's learning rate.
  void upload(std::span<const int64_t> members, uint64_t seed) {
    const auto n = static_cast<int64_t>(members.size());
    const auto order = at::empty({n * recipe_.epochs}, torch::kInt32);
    auto* next = order.data_ptr<int>();
    for (int64_t epoch = 0; epoch < recipe_.epochs; ++epoch) {
      CounterRng rng(derive_seed(seed, "epoch", static_cast<uint64_t>(epoch)));
      for (const int64_t k : rng.permutation(n))
        *next++ = static_cast<int>(members[static_cast<size_t>(k)]);
    }
    order_.narrow(0, 0, order.size(0)).copy_(order);
    const int64_t steps = (n + recipe_.batch_size - 1) / recipe_.batch_size * recipe_.epochs;
    const auto factors = at::empty({steps, 3}, torch::kFloat32);
    auto* factor = factors.data_ptr<float>();
    for (int64_t step = 0; step < steps; ++step) {
      const auto t = static_cast<double>(step + 1);
      *factor++ = static_cast<float>(learning_rate(recipe_.schedule, step, steps));
      *factor++ = static_cast<float>(1 / (1 - std::pow(recipe_.optimiser.beta1, t)));
      *factor++ = static_cast<float>(1 / (1 - std::pow(recipe_.optimiser.beta2, t)));
    }
    factors_.narrow(0, 0, steps).copy_(factors);
  }

  std::unique_ptr<TrainingPlan> plan_;
  const ResidentData& data_;
  Recipe recipe_;
  StepRule rule_;
  c10::cuda::CUDAStream stream_;
  c10::MempoolId_t pool_;
  torch::Tensor first_, second_;  // the optimiser's, flat
  int64_t order_capacity_ = 0;
  torch::Tensor order_;    // (epochs n) int32: examples in the order in which they are seen
  torch::Tensor factors_;  // (steps, 3) float32: StepFactors
  torch::Tensor batch_, labels_;
  std::map<std::vector<int64_t>, std::unique_ptr<Graph>> graphs_;
};

GraphLane::GraphLane(std::unique_ptr<TrainingPlan> plan, const ResidentData& data,
                     const Recipe& recipe)
    : impl_(std::make_unique<Impl>(std::move(plan), data, recipe)) {}
GraphLane::~GraphLane() = default;

void GraphLane::train(LayeredNetwork& network, std::span<const int64_t> members, uint64_t seed) {
  impl_->train(network, members, seed);
}
void GraphLane::prepare(int64_t examples) {
  impl_->prepare(examples);
}

}  // namespace expunge
#endif
