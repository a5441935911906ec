// What must be settled before any library does arithmetic.
#pragma once

namespace expunge::app {

/// Makes the BLAS that LibTorch calls run at full speed, with nothing set by the user: a pool of
/// threads of its own inside BLAS would fight the workers, and OpenBLAS 0.3.21 takes a CPU newer than
/// itself for a Prescott (SSE3). Both are decided when the libraries are loaded, so that the program
/// starts itself once more with OPENBLAS_NUM_THREADS and OPENBLAS_CORETYPE set where they matter and
/// are not set yet. Single-precision products do not go through BLAS at all (core/gemm.h).
void prepare_process(char** argv);

}  // namespace expunge::app
