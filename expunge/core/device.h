// Where networks are computed: the CPU, or a CUDA device where LibTorch has one.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>

#include "expunge/core/error.h"
#include "expunge/core/options.h"

namespace expunge {

enum class Precision { float32, half };

/// Where and how training, logits and unlearning are computed. Not part of what an experiment is: a
/// folder that was begun on one device goes on on another (docs/gpu.md says what is equal then).
struct ComputeOptions {
  std::string device = "cpu";                // "cpu", "cuda" (the first one) or "cuda:K"
  Precision precision = Precision::float32;  // of training on a CUDA device

  /// OptionError for a device's name that is none of these.
  void validate() const;
};
OptionGroup options_of(ComputeOptions& options);

/// The device, made ready: cuDNN held to deterministic kernels that are chosen by rule, TensorFloat-32
/// for products of float32 only with half precision. OptionError, in one line, if this build has no
/// CUDA, if the machine has no CUDA device, or fewer than were asked for, and for half on the CPU.
torch::Device open_device(const ComputeOptions& options);

/// True if this build can compute on CUDA devices.
bool built_with_cuda();
/// Number of CUDA devices, 0 without CUDA or without a driver.
int64_t cuda_devices();
/// "cpu", or the device's name, memory, and versions of CUDA and cuDNN.
std::string describe_device(torch::Device device);
/// Bytes that are free on a CUDA device once LibTorch has given back what it does not use; 0 on the CPU.
int64_t free_memory(torch::Device device);
/// Gives LibTorch's unused memory back to a CUDA device. Nothing on the CPU.
void release_cached_memory(torch::Device device);

/// A device that has no memory left for what was asked.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// Calls `task` with a CUDA device's stream of its own, and waits for what it has begun there, so that
/// tasks of several threads run side by side. On the CPU just calls it. A lack of device memory
/// becomes OutOfMemory.
void on_device(torch::Device device, const std::function<void()>& task);

}  // namespace expunge
