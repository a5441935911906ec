// Memory of tensors that a thread asks for again and again.
#pragma once

namespace expunge {

/// While one lives, blocks of 1 MiB or more that this thread's tensors on the CPU let go of are kept for its next ones
/// of about the same size, and let go of with it (the outermost, where they are nested). A step of training asks for
/// the same blocks as the step before; from the system they come as pages that are cleared at their first touch, which
/// took a fifth of a ResNet-9's time.
///
/// Linking this file replaces LibTorch's allocator of CPU tensors, from the start of the process, by one that does the
/// same but for this; not where another of a higher priority is set (c10::SetAllocator), where this has no effect.
class KeptMemory {
 public:
  KeptMemory();
  ~KeptMemory();
  KeptMemory(const KeptMemory&) = delete;
  KeptMemory& operator=(const KeptMemory&) = delete;
};

}  // namespace expunge
