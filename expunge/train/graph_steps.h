// The steps that a TrainingPlan is made of. Internal; in builds with CUDA only.
#pragma once

#include "expunge/train/convolution.h"
#include "expunge/train/graph_plan.h"

namespace expunge {

/// What follows a convolution's BatchNorm and ReLU within one kernel.
enum class NormTail { none, max_pool, largest, mean };

/// Where a BatchNorm's numbers lie.
struct NormPlace {
  FlatTensor weight, bias;
  int64_t running_mean = 0;  // in PlanMemory::running
  int64_t running_var = 0;
  int64_t kept = 0;  // in PlanMemory::norms, 6 times the channels
  int64_t channels = 0;
};

/// Convolution, BatchNorm, ReLU, and what follows. Input (B, channels, H, W), channels last, or where
/// the weight has columns patches (B positions, columns); output (B, channels, H, W), or with a global
/// pool (B, channels) float32.
std::unique_ptr<PlanStep> convolution_step(const PlanMemory& memory, const ConvolutionShape& shape,
                                           const FlatTensor& weight, const NormPlace& norm,
                                           NormTail tail, const PatchShape& patches);

/// x + f(x), f of convolution steps without tails.
std::unique_ptr<PlanStep> residual_step(std::vector<std::unique_ptr<PlanStep>> inner);

/// Linear and ReLU: (B, in) -> (B, out).
std::unique_ptr<PlanStep> hidden_step(const PlanMemory& memory, const FlatTensor& weight,
                                      const FlatTensor& bias);

}  // namespace expunge
