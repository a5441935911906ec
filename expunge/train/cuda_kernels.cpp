#if EXPUNGE_HAS_CUDA
#include "expunge/train/cuda_kernels.h"

#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <nvrtc.h>

#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/train/cuda_sources.h"

static_assert(CUDART_VERSION >= 12080, "cudaLibraryLoadData came with CUDA 12.8");

namespace expunge {
namespace {

void require_nvrtc(nvrtcResult result, const char* what) {
  if (result != NVRTC_SUCCESS) fail("NVRTC: {}: {}", what, nvrtcGetErrorString(result));
}

// NVRTC opens its built-in headers by name alone, which finds them beside it only if the loader has
// been told where that is; once loaded they are found.
void load_builtins() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<const void*>(&nvrtcVersion), &info) == 0) return;
  int major = 0;
  int minor = 0;
  nvrtcVersion(&major, &minor);
  const auto folder = std::filesystem::path(info.dli_fname).parent_path();
  const auto path = folder / fmt::format("libnvrtc-builtins.so.{}.{}", major, minor);
  ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
}

std::vector<char> compile(const cudaDeviceProp& device) {
  load_builtins();
  const auto source = fmt::format("{}{}{}", cuda_step_source, cuda_norm_source, cuda_entry_source);
  nvrtcProgram program = nullptr;
  require_nvrtc(nvrtcCreateProgram(&program, source.c_str(), "expunge.cu", 0, nullptr, nullptr),
                "create");
  const auto target = fmt::format("--gpu-architecture=sm_{}{}", device.major, device.minor);
  const char* options[] = {target.c_str(), "--std=c++17"};
  const auto result = nvrtcCompileProgram(program, 2, options);
  if (result != NVRTC_SUCCESS) {
    size_t size = 0;
    nvrtcGetProgramLogSize(program, &size);
    std::string log(size, '\0');
    nvrtcGetProgramLog(program, log.data());
    nvrtcDestroyProgram(&program);
    fail("NVRTC: the kernels do not compile for {} ({}): {}", device.name, target, log);
  }
  size_t size = 0;
  require_nvrtc(nvrtcGetCUBINSize(program, &size), "size");
  std::vector<char> code(size);
  require_nvrtc(nvrtcGetCUBIN(program, code.data()), "code");
  nvrtcDestroyProgram(&program);
  return code;
}

}  // namespace

const CudaKernels& CudaKernels::of(torch::Device device) {
  static std::mutex mutex;
  static std::map<int, std::unique_ptr<CudaKernels>> made;
  const std::lock_guard lock(mutex);
  auto& kernels = made[device.index()];
  if (kernels == nullptr) kernels.reset(new CudaKernels(device));
  return *kernels;
}

CudaKernels::CudaKernels(torch::Device device) {
  const c10::cuda::CUDAGuard guard(device);
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index()));
  processors_ = properties.multiProcessorCount;
  const auto code = compile(properties);
  cudaLibrary_t library = nullptr;
  C10_CUDA_CHECK(
      cudaLibraryLoadData(&library, code.data(), nullptr, nullptr, 0, nullptr, nullptr, 0));
  library_ = library;
}

void CudaKernels::launch_pointers(const std::string& name, const LaunchShape& shape,
                                  void** arguments) const {
  cudaKernel_t kernel = nullptr;
  C10_CUDA_CHECK(cudaLibraryGetKernel(&kernel, static_cast<cudaLibrary_t>(library_), name.c_str()));
  const dim3 blocks(static_cast<unsigned>(shape.blocks_x), static_cast<unsigned>(shape.blocks_y));
  const dim3 threads(static_cast<unsigned>(shape.threads_x),
                     static_cast<unsigned>(shape.threads_y));
  C10_CUDA_CHECK(cudaLaunchKernel(static_cast<const void*>(kernel), blocks, threads, arguments,
                                  static_cast<size_t>(shape.shared_bytes),
                                  c10::cuda::getCurrentCUDAStream()));
}

}  // namespace expunge
#endif
