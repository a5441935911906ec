// Functions compiled several times, for older and newer CPUs, the right one chosen at start.
#pragma once

// Put before a function whose loops are plain enough to be vectorised by the compiler, which is asked to by name: at -O2
// GCC leaves loops of unknown length as they are (SGD's step took a third of an MLP's training). Sanitizers
// instrument the resolver that runs before they are ready, so that their builds do without.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EXPUNGE_VECTOR_CLONES \
  __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"), \
                 optimize("tree-vectorize", "vect-cost-model=dynamic")))
#else
#define EXPUNGE_VECTOR_CLONES
#endif
