#include "expunge/train/cuda_sources.h"

namespace expunge {

const char* const cuda_entry_source = R"cuda(
// Before a max pool of 2 x 2: `above` (windows, C) reaches the first largest pixel of each window.
__device__ __forceinline__ void spread(const float v[4][8], const float* above, const float* a,
                                       const float* b, float g[4][8]) {
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    float largest = 0;
    int at = -1;
    #pragma unroll
    for (int u = 0; u < 4; ++u) {
      const float z = fmaf(a[k], v[u][k], b[k]);
      if (z > largest) { largest = z; at = u; }
    }
    #pragma unroll
    for (int u = 0; u < 4; ++u) g[u][k] = at == u ? above[k] : 0.f;
  }
}

template <class T>
__device__ __forceinline__ void load_window(const T* p, i64 line, int C, float v[4][8]) {
  load8(p, v[0]);
  load8(p + C, v[1]);
  load8(p + line, v[2]);
  load8(p + line + C, v[3]);
}

template <class T>
__device__ void pool_gradient_sums(const T* __restrict__ y, Above<T> above, i64 windows, int C, Image image,
                                   Norm norm) {
  extern __shared__ float shared[];
  const int groups = C / 8, lanes = blockDim.x / groups;
  const int c = threadIdx.x % groups * 8, lane = threadIdx.x / groups;
  float s[8] = {}, q[8] = {};
  if (lane < lanes) {
    float a[8], b[8], mean[8];
    load8(norm.scale + c, a);
    load8(norm.shift + c, b);
    load8(norm.mean + c, mean);
    for (i64 w = (i64)blockIdx.x * lanes + lane; w < windows; w += (i64)gridDim.x * lanes) {
      float v[4][8], g[4][8], d[8];
      load_window(y + window_row(w, image) * C + c, (i64)image.W * C, C, v);
      above8<PLAIN>(above, w, C, c, d);
      spread(v, d, a, b, g);
      #pragma unroll
      for (int u = 0; u < 4; ++u) add_gradient(v[u], g[u], a, b, mean, s, q);
    }
  }
  add_over_rows(s, q, C, norm.partial, shared);
}

template <class T>
__device__ void pool_gradient(const T* __restrict__ y, Above<T> above, T* __restrict__ dy, i64 windows,
                              int C, Image image, Norm norm) {
  const int groups = C / 8, c = threadIdx.x % groups * 8;
  const i64 count = windows * groups, stride = (i64)gridDim.x * blockDim.x;
  Slopes slopes;
  load_slopes(norm, c, slopes);
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const i64 at = window_row(i / groups, image) * C + c, line = (i64)image.W * C;
    float v[4][8], g[4][8], d[8];
    load_window(y + at, line, C, v);
    above8<PLAIN>(above, i / groups, C, c, d);
    spread(v, d, slopes.a, slopes.b, g);
    #pragma unroll
    for (int u = 0; u < 4; ++u) {
      to_input_gradient(v[u], g[u], slopes);
      store8(dy + at + (u / 2) * line + (u % 2) * C, v[u]);
    }
  }
}

extern "C" {
__global__ void gather_16(const uint4* data, const int* labels, const int* order, const Progress* progress,
                          int begin, uint4* batch, int* batch_labels, int units) {
  gather(data, labels, order, progress, begin, batch, batch_labels, units);
}
__global__ void gather_2(const u16* data, const int* labels, const int* order, const Progress* progress,
                         int begin, u16* batch, int* batch_labels, int units) {
  gather(data, labels, order, progress, begin, batch, batch_labels, units);
}

__global__ void finish_statistics(int blocks, i64 rows, int C, Norm n) {
  finish_norm_statistics(blocks, rows, C, n);
}
__global__ void finish_gradients(int blocks, i64 rows, int C, Norm n) {
  finish_norm_gradients(blocks, rows, C, n);
}

#define ENTRIES(T, S)                                                                                      \
  __global__ void __launch_bounds__(512) norm_statistics_##S(const T* y, i64 rows, int C, Norm n) {        \
    norm_statistics(y, rows, C, n);                                                                        \
  }                                                                                                        \
  __global__ void norm_relu_##S(const T* y, const T* skip, T* z, i64 rows, int C, Norm n) {                \
    norm_relu(y, skip, z, rows, C, n);                                                                     \
  }                                                                                                        \
  __global__ void norm_relu_pool_##S(const T* y, T* z, i64 windows, int C, Image image, Norm n) {          \
    norm_relu_pool(y, z, windows, C, image, n);                                                            \
  }                                                                                                        \
  __global__ void norm_relu_largest_##S(const T* y, float* f, u16* at, i64 samples, int C, int P, Norm n) { \
    norm_relu_largest(y, f, at, samples, C, P, n);                                                         \
  }                                                                                                        \
  __global__ void norm_relu_mean_##S(const T* y, float* f, i64 samples, int C, int P, Norm n) {            \
    norm_relu_mean(y, f, samples, C, P, n);                                                                \
  }                                                                                                        \
  __global__ void __launch_bounds__(512)                                                                   \
      pool_gradient_sums_##S(const T* y, Above<T> above, i64 windows, int C, Image image, Norm n) {        \
    pool_gradient_sums(y, above, windows, C, image, n);                                                    \
  }                                                                                                        \
  __global__ void pool_gradient_##S(const T* y, Above<T> above, T* dy, i64 windows, int C, Image image,    \
                                    Norm n) {                                                              \
    pool_gradient(y, above, dy, windows, C, image, n);                                                     \
  }                                                                                                        \
  __global__ void gather_patches_##S(const T* data, const int* labels, const int* order,                   \
                                     const Progress* progress, int begin, T* patches,                      \
                                     int* batch_labels, Patches s) {                                       \
    gather_patches(data, labels, order, progress, begin, patches, batch_labels, s);                        \
  }                                                                                                        \
  __global__ void hidden_gradient_##S(const T* dh, const T* h, T* dz, float* dbias, int B, int K) {        \
    hidden_gradient(dh, h, dz, dbias, B, K);                                                               \
  }                                                                                                        \
  __global__ void optimise_##S(Segments segments, float* w, float* first, float* second, T* low,           \
                               const Factors* factors, const Progress* progress, int step, Rule rule) {    \
    optimise(segments, w, first, second, low, factors, progress, step, rule);                              \
  }                                                                                                        \
  __global__ void head_##S(const T* f, const int* labels, const float* w, const float* bias, int B, int K, \
                           int C, float factor, T* df, float* dz, Progress* progress, int step) {          \
    head(f, labels, w, bias, B, K, C, factor, df, dz, progress, step);                                     \
  }                                                                                                        \
  __global__ void head_gradient_##S(const T* f, const float* dz, float* dw, float* dbias, int B, int K,    \
                                    int C) {                                                               \
    head_gradient(f, dz, dw, dbias, B, K, C);                                                              \
  }
#define GRADIENTS(T, S, KIND, N)                                                                           \
  __global__ void __launch_bounds__(512)                                                                   \
      norm_gradient_sums_##N##_##S(const T* y, Above<T> above, i64 rows, int C, Norm n) {                  \
    norm_gradient_sums<KIND>(y, above, rows, C, n);                                                        \
  }                                                                                                        \
  __global__ void norm_gradient_##N##_##S(const T* y, Above<T> above, T* dy, i64 rows, int C, Norm n) {    \
    norm_gradient<KIND>(y, above, dy, rows, C, n);                                                         \
  }
ENTRIES(half_t, half)
ENTRIES(float, float)
GRADIENTS(half_t, half, PLAIN, plain)
GRADIENTS(half_t, half, LARGEST, largest)
GRADIENTS(half_t, half, MEAN, mean)
GRADIENTS(float, float, PLAIN, plain)
GRADIENTS(float, float, LARGEST, largest)
GRADIENTS(float, float, MEAN, mean)
}
)cuda";

}  // namespace expunge
