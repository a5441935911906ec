// The kernels of cuda_sources.h, compiled for a device when they are first needed. Internal; in builds
// with CUDA only.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

namespace expunge {

// As the kernels have them (cuda_norm_source.cpp, cuda_step_source.cpp).
struct NormNumbers {
  const float* weight;
  const float* bias;
  float* running_mean;
  float* running_var;
  float* mean;
  float* inverse_std;
  float* scale;
  float* shift;
  float* weight_gradient;
  float* bias_gradient;
  float* mean_g;
  float* mean_gx;
  float* partial;
  float momentum, epsilon;
};
struct ImageSize {
  int height, width;
};
struct PatchShape {
  static constexpr int most_columns = 64;
  int height, width, channels, kernel, stride, padding, out_height, out_width, columns;
  [[nodiscard]] int64_t positions() const { return int64_t{out_height} * out_width; }
};
struct GradientAbove {
  const void* first;
  const void* second;
  const float* pooled;
  const uint16_t* at;
  int pixels;
};
struct GradientSegment {
  const void* gradient;
  int64_t at;
  int count;
  int is_half;
};
struct GradientSegments {
  static constexpr int most = 32;
  GradientSegment of[most];
};
struct StepFactors {
  float rate, first, second;
};
struct StepRule {
  int adam, nesterov;
  float momentum, coupled_decay, decoupled_decay, beta1, beta2, epsilon;
};
struct TrainingProgress {
  int step, cursor, diverged;
};

struct LaunchShape {
  int64_t blocks_x;
  int64_t blocks_y;
  int64_t threads_x;
  int64_t threads_y;
  int64_t shared_bytes;
};

class CudaKernels {
 public:
  /// Those of a CUDA device; Error with the compiler's message if they do not compile.
  static const CudaKernels& of(torch::Device device);

  /// Launches a kernel on the current stream. The arguments' types must be the kernel's own.
  template <class... Arguments>
  void launch(const std::string& name, const LaunchShape& shape,
              const Arguments&... arguments) const {
    const void* pointers[] = {&arguments...};
    launch_pointers(name, shape, const_cast<void**>(pointers));
  }
  /// Multiprocessors of the device.
  [[nodiscard]] int64_t processors() const { return processors_; }

 private:
  explicit CudaKernels(torch::Device device);
  void launch_pointers(const std::string& name, const LaunchShape& shape, void** arguments) const;

  void* library_ = nullptr;  // cudaLibrary_t, never unloaded: it lives as long as the process
  int64_t processors_ = 0;
};

}  // namespace expunge
