#include "expunge/core/device.h"

#include <torch/version.h>

#include <charconv>
#include <mutex>

#if EXPUNGE_HAS_CUDA
#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <ATen/ops/linalg_cholesky_ex.h>
#include <ATen/ops/ones.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#endif

namespace expunge {
namespace {

// -1 for "cpu", else K of "cuda:K"; nullopt for anything else.
std::optional<int64_t> cuda_index(const std::string& name) {
  if (name == "cpu") return -1;
  if (name == "cuda") return 0;
  constexpr std::string_view prefix = "cuda:";
  if (name.rfind(prefix, 0) != 0) return std::nullopt;
  int64_t index = 0;
  const char* begin = name.data() + prefix.size();
  const char* end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(begin, end, index);
  if (begin == end || *begin == '-' || rest != end || error != std::errc()) return std::nullopt;
  return index;
}

}  // namespace

void ComputeOptions::validate() const {
  if (!cuda_index(device))
    fail<OptionError>("option device: cpu, cuda or cuda:K required, got \"{}\"", device);
}

OptionGroup options_of(ComputeOptions& o) {
  OptionGroup group("compute", "Where networks are computed; not part of what an experiment is");
  group.add("device", o.device, "cpu, cuda or cuda:K")
      .add("precision", o.precision, {{"float32", Precision::float32}, {"half", Precision::half}},
           "of training on a CUDA device: half for bfloat16 activations with float32 parameters");
  return group;
}

bool built_with_cuda() {
#if EXPUNGE_HAS_CUDA
  return true;
#else
  return false;
#endif
}

torch::Device open_device(const ComputeOptions& options) {
  options.validate();
  const int64_t index = *cuda_index(options.device);
  if (index < 0) {
    if (options.precision == Precision::half)
      fail<OptionError>("option precision: float32 required on device \"cpu\", got \"half\"");
    return torch::kCPU;
  }
  if (!built_with_cuda()) {
    fail<OptionError>(
        "option device: \"{}\" required, but this expunge is built with LibTorch {}.{}.{} without "
        "CUDA; build it with -DEXPUNGE_TORCH_DIR=<a CUDA LibTorch> (docs/gpu.md)",
        options.device, TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH);
  }
  const int64_t devices = cuda_devices();
  if (devices == 0) {
    fail<OptionError>("option device: \"{}\" required, but no CUDA device or driver is here",
                      options.device);
  }
  if (index >= devices) {
    fail<OptionError>("option device: cuda:0 to cuda:{} required, got \"{}\"", devices - 1,
                      options.device);
  }
#if EXPUNGE_HAS_CUDA
  auto& context = at::globalContext();
  context.lazyInitDevice(c10::DeviceType::CUDA);
  context.setDeterministicCuDNN(true);
  context.setBenchmarkCuDNN(false);
  const bool half = options.precision == Precision::half;
  context.setAllowTF32CuDNN(half);
  context.setAllowTF32CuBLAS(half);
  // LibTorch loads its linear algebra at its first use, which fails where two threads are first.
  static std::once_flag once;
  std::call_once(once, [] { at::linalg_cholesky_ex(at::ones({1, 1}, torch::kCUDA)); });
#endif
  return {torch::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

#if EXPUNGE_HAS_CUDA

int64_t cuda_devices() {
  return c10::cuda::device_count();
}

std::string describe_device(torch::Device device) {
  if (!device.is_cuda()) return "cpu";
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  int driver = 0;
  C10_CUDA_CHECK(cudaDriverGetVersion(&driver));
  return fmt::format("{}, {:.0f} GiB, LibTorch {}.{}.{}, CUDA {}.{} (driver {}.{}), cuDNN {}",
                     properties.name, static_cast<double>(properties.totalGlobalMem) / (1 << 30),
                     TORCH_VERSION_MAJOR, TORCH_VERSION_MINOR, TORCH_VERSION_PATCH,
                     CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10, driver / 1000,
                     driver % 1000 / 10, at::detail::getCUDAHooks().versionCuDNN());
}

int64_t free_memory(torch::Device device) {
  if (!device.is_cuda()) return 0;
  release_cached_memory(device);
  const c10::cuda::CUDAGuard guard(device);
  size_t free = 0;
  size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<int64_t>(free);
}

void release_cached_memory(torch::Device device) {
  if (!device.is_cuda()) return;
  const c10::cuda::CUDAGuard guard(device);
  c10::cuda::CUDACachingAllocator::emptyCache();
}

void on_device(torch::Device device, const std::function<void()>& task) {
  if (!device.is_cuda()) return task();
  const auto stream = c10::cuda::getStreamFromPool(/*isHighPriority=*/true, device.index());
  const c10::cuda::CUDAStreamGuard guard(stream);
  try {
    task();
  } catch (const c10::OutOfMemoryError&) {
    stream.synchronize();
    throw OutOfMemory(fmt::format("{}: out of memory", describe_device(device)));
  }
  stream.synchronize();
}

#else

int64_t cuda_devices() {
  return 0;
}
std::string describe_device(torch::Device /*device*/) {
  return "cpu";
}
int64_t free_memory(torch::Device /*device*/) {
  return 0;
}
void release_cached_memory(torch::Device /*device*/) {}
void on_device(torch::Device /*device*/, const std::function<void()>& task) {
  task();
}

#endif

}  // namespace expunge
