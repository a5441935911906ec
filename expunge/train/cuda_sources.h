// The text of the CUDA kernels, compiled by NVRTC when a training begins. Internal.
#pragma once

namespace expunge {

/// Numbers, vectors of eight, gathering, the loss, optimisers. Comes first.
extern const char* const cuda_step_source;
/// BatchNorm with its ReLU and what follows it, forward and backward.
extern const char* const cuda_norm_source;
/// BatchNorm before a max pool, backward, and the kernels' names. Comes last.
extern const char* const cuda_entry_source;

}  // namespace expunge
