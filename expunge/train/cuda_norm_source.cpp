#include "expunge/train/cuda_sources.h"

// Activations are rows of channels (channels last): R = B H W rows of C channels, C a multiple of 8.
// A thread holds 8 channels, so that a warp reads whole lines. `scale` and `shift` are
// BatchNorm's weight / std and bias - mean weight / std. All sums are taken in an order that depends on
// shapes alone.
namespace expunge {

const char* const cuda_norm_source = R"cuda(
// Sums of a block's 16 numbers a thread (s, q by channel) over its rows: `partial` (blocks, 16, C / 8).
__device__ void add_over_rows(const float* s, const float* q, int C, float* partial, float* shared) {
  const int groups = C / 8, lanes = blockDim.x / groups, t = threadIdx.x, n = blockDim.x;
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    shared[k * n + t] = s[k];
    shared[(8 + k) * n + t] = q[k];
  }
  __syncthreads();
  for (int i = t; i < 2 * C; i += n) {
    const float* of = shared + (i / groups) * n + i % groups;
    float sum = 0;
    for (int lane = 0; lane < lanes; ++lane) sum += of[lane * groups];
    partial[(i64)blockIdx.x * 2 * C + i] = sum;
  }
}

// The sums over blocks of 8 channels' numbers, for the channel of each of the first 8 threads of a block of
// 256: 16 threads a number, each every 16th block, then their sums in order.
__device__ bool add_over_blocks(const float* partial, int blocks, int C, double* s, double* q) {
  __shared__ double sums[16][17];
  const int groups = C / 8, number = threadIdx.x / 16, lane = threadIdx.x % 16;
  const float* of = partial + number * groups + blockIdx.x;
  double sum = 0;
  #pragma unroll 8
  for (int b = lane; b < blocks; b += 16) sum += of[(i64)b * 2 * C];
  sums[number][lane] = sum;
  __syncthreads();
  if (threadIdx.x >= 16) return false;
  sum = 0;
  for (int i = 0; i < 16; ++i) sum += sums[threadIdx.x][i];
  sums[threadIdx.x][16] = sum;
  __syncwarp(0xffffu);
  if (threadIdx.x >= 8) return false;
  *s = sums[threadIdx.x][16];
  *q = sums[threadIdx.x + 8][16];
  return true;
}

struct Norm {  // one BatchNorm's numbers, each (C) float
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
  float* mean_g;         // of the gradient by the output, over rows
  float* mean_gx;        // of that times the normalised input
  float* partial;        // sums of blocks
  float momentum, epsilon;
};

template <class T>
__device__ void norm_statistics(const T* y, i64 rows, int C, Norm norm) {
  extern __shared__ float shared[];
  const int groups = C / 8, lanes = blockDim.x / groups;
  const int group = threadIdx.x % groups, lane = threadIdx.x / groups;
  float s[8] = {}, q[8] = {};
  if (lane < lanes) {
    const i64 step = (i64)gridDim.x * lanes;
    i64 r = (i64)blockIdx.x * lanes + lane;
    const T* p = y + group * 8;
    for (; r + 3 * step < rows; r += 4 * step) {
      float v[4][8];
      #pragma unroll
      for (int u = 0; u < 4; ++u) load8(p + (r + u * step) * C, v[u]);
      #pragma unroll
      for (int u = 0; u < 4; ++u)
        #pragma unroll
        for (int k = 0; k < 8; ++k) { s[k] += v[u][k]; q[k] += v[u][k] * v[u][k]; }
    }
    for (; r < rows; r += step) {
      float v[8];
      load8(p + r * C, v);
      #pragma unroll
      for (int k = 0; k < 8; ++k) { s[k] += v[k]; q[k] += v[k] * v[k]; }
    }
  }
  add_over_rows(s, q, C, norm.partial, shared);
}

__device__ void finish_norm_statistics(int blocks, i64 rows, int C, Norm norm) {
  double s, q;
  if (!add_over_blocks(norm.partial, blocks, C, &s, &q)) return;
  const int c = blockIdx.x * 8 + threadIdx.x;
  const double mean = s / rows;
  const double var = max(q / rows - mean * mean, 0.0);
  const double unbiased = rows > 1 ? var * rows / (rows - 1) : var;
  const double inverse = 1 / sqrt(var + norm.epsilon);
  norm.mean[c] = mean;
  norm.inverse_std[c] = inverse;
  norm.scale[c] = norm.weight[c] * inverse;
  norm.shift[c] = norm.bias[c] - mean * norm.weight[c] * inverse;
  norm.running_mean[c] += norm.momentum * (float)(mean - norm.running_mean[c]);
  norm.running_var[c] += norm.momentum * (float)(unbiased - norm.running_var[c]);
}

// NaN stays NaN: fmaxf would hide a training that diverged.
__device__ __forceinline__ float relu(float x) { return x < 0 ? 0.f : x; }

// Elementwise kernels are launched with a whole number of rows a block: a thread keeps its channels.
// z = max(scale y + shift, 0), plus `skip` where there is one.
template <class T>
__device__ void norm_relu(const T* __restrict__ y, const T* __restrict__ skip, T* __restrict__ z, i64 rows,
                          int C, Norm norm) {
  const int groups = C / 8, c = threadIdx.x % groups * 8;
  const i64 count = rows * groups, stride = (i64)gridDim.x * blockDim.x;
  float a[8], b[8];
  load8(norm.scale + c, a);
  load8(norm.shift + c, b);
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += 2 * stride) {
    const bool two = i + stride < count;
    const i64 j = two ? i + stride : i;
    float v[2][8], x[2][8];
    load8(y + i * 8, v[0]);
    load8(y + j * 8, v[1]);
    if (skip) {
      load8(skip + i * 8, x[0]);
      load8(skip + j * 8, x[1]);
    }
    #pragma unroll
    for (int u = 0; u < 2; ++u)
      #pragma unroll
      for (int k = 0; k < 8; ++k) {
        v[u][k] = relu(fmaf(a[k], v[u][k], b[k]));
        if (skip) v[u][k] += x[u][k];
      }
    store8(z + i * 8, v[0]);
    if (two) store8(z + j * 8, v[1]);
  }
}

// The largest of each window of 2 x 2 pixels, windows side by side; H and W even.
struct Image { int H, W; };

__device__ __forceinline__ i64 window_row(i64 window, Image image) {
  const int w = image.W / 2, h = image.H / 2;
  const i64 sample = window / (h * w);
  const int at = (int)(window % (h * w));
  return (sample * image.H + at / w * 2) * image.W + at % w * 2;
}

template <class T>
__device__ void norm_relu_pool(const T* __restrict__ y, T* __restrict__ z, i64 windows, int C, Image image,
                               Norm norm) {
  const int groups = C / 8, c = threadIdx.x % groups * 8;
  const i64 count = windows * groups, stride = (i64)gridDim.x * blockDim.x;
  float a[8], b[8];
  load8(norm.scale + c, a);
  load8(norm.shift + c, b);
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += stride) {
    const T* p = y + window_row(i / groups, image) * C + c;
    float v[4][8], m[8];
    load8(p, v[0]);
    load8(p + C, v[1]);
    load8(p + (i64)image.W * C, v[2]);
    load8(p + (i64)image.W * C + C, v[3]);
    #pragma unroll
    for (int k = 0; k < 8; ++k) {
      m[k] = 0;
      #pragma unroll
      for (int u = 0; u < 4; ++u) {
        const float z = fmaf(a[k], v[u][k], b[k]);
        if (z > m[k] || z != z) m[k] = z;
      }
    }
    store8(z + i * 8, m);
  }
}

// Largest over a sample's P pixels, and where it is first: f (B, C), at (B, C).
template <class T>
__device__ void norm_relu_largest(const T* y, float* f, u16* at, i64 samples, int C, int P, Norm norm) {
  const int groups = C / 8;
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= samples * groups) return;
  const int c = (int)(i % groups) * 8;
  const T* p = y + i / groups * P * C + c;
  float a[8], b[8], m[8] = {};
  int where[8] = {};
  load8(norm.scale + c, a);
  load8(norm.shift + c, b);
  for (int pixel = 0; pixel < P; ++pixel) {
    float v[8];
    load8(p + (i64)pixel * C, v);
    #pragma unroll
    for (int k = 0; k < 8; ++k) {
      const float z = fmaf(a[k], v[k], b[k]);
      if (z > m[k] || z != z) { m[k] = z; where[k] = pixel; }
    }
  }
  #pragma unroll
  for (int k = 0; k < 8; ++k) at[i * 8 + k] = (u16)where[k];
  store8(f + i * 8, m);
}

// Mean over a sample's P pixels.
template <class T>
__device__ void norm_relu_mean(const T* y, float* f, i64 samples, int C, int P, Norm norm) {
  const int groups = C / 8;
  const i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x;
  if (i >= samples * groups) return;
  const int c = (int)(i % groups) * 8;
  const T* p = y + i / groups * P * C + c;
  float a[8], b[8], m[8] = {};
  load8(norm.scale + c, a);
  load8(norm.shift + c, b);
  for (int pixel = 0; pixel < P; ++pixel) {
    float v[8];
    load8(p + (i64)pixel * C, v);
    #pragma unroll
    for (int k = 0; k < 8; ++k) m[k] += relu(fmaf(a[k], v[k], b[k]));
  }
  #pragma unroll
  for (int k = 0; k < 8; ++k) m[k] /= P;
  store8(f + i * 8, m);
}

// What reaches BatchNorm's output from what follows its ReLU.
enum { PLAIN, LARGEST, MEAN };
template <class T>
struct Above {
  const T* first;        // (R, C); with `second`, their sum
  const T* second;
  const float* pooled;   // (B, C): of the pooled value
  const u16* at;         // (B, C): the pixel that was the largest
  int P;                 // pixels of a sample
};

template <int kind, class T>
__device__ __forceinline__ void above8(Above<T> above, i64 r, int C, int c, float* g) {
  if (kind == PLAIN) {
    load8(above.first + r * C + c, g);
    if (above.second) {
      float more[8];
      load8(above.second + r * C + c, more);
      #pragma unroll
      for (int k = 0; k < 8; ++k) g[k] += more[k];
    }
    return;
  }
  const i64 sample = r / above.P;
  const int pixel = (int)(r % above.P);
  load8(above.pooled + sample * C + c, g);
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    if (kind == MEAN) g[k] /= above.P;
    if (kind == LARGEST && above.at[sample * C + c + k] != pixel) g[k] = 0;
  }
}

// Adds one position's part of the sums of g and g (y - mean), g what passes the ReLU.
__device__ __forceinline__ void add_gradient(const float* v, const float* g, const float* a, const float* b,
                                             const float* mean, float* s, float* q) {
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    const float d = fmaf(a[k], v[k], b[k]) > 0 ? g[k] : 0.f;
    s[k] += d;
    q[k] += d * (v[k] - mean[k]);
  }
}

__device__ void finish_norm_gradients(int blocks, i64 rows, int C, Norm norm) {
  double g, gx;
  if (!add_over_blocks(norm.partial, blocks, C, &g, &gx)) return;
  const int c = blockIdx.x * 8 + threadIdx.x;
  gx *= norm.inverse_std[c];
  norm.bias_gradient[c] = g;
  norm.weight_gradient[c] = gx;
  norm.mean_g[c] = g / rows;
  norm.mean_gx[c] = gx / rows;
}

template <int kind, class T>
__device__ void norm_gradient_sums(const T* __restrict__ y, Above<T> above, i64 rows, int C, Norm norm) {
  extern __shared__ float shared[];
  const int groups = C / 8, lanes = blockDim.x / groups;
  const int c = threadIdx.x % groups * 8, lane = threadIdx.x / groups;
  float s[8] = {}, q[8] = {};
  if (lane < lanes) {
    float a[8], b[8], mean[8];
    load8(norm.scale + c, a);
    load8(norm.shift + c, b);
    load8(norm.mean + c, mean);
    const i64 step = (i64)gridDim.x * lanes;
    i64 r = (i64)blockIdx.x * lanes + lane;
    for (; r + step < rows; r += 2 * step) {
      float v[2][8], g[2][8];
      #pragma unroll
      for (int u = 0; u < 2; ++u) {
        load8(y + (r + u * step) * C + c, v[u]);
        above8<kind>(above, r + u * step, C, c, g[u]);
      }
      add_gradient(v[0], g[0], a, b, mean, s, q);
      add_gradient(v[1], g[1], a, b, mean, s, q);
    }
    for (; r < rows; r += step) {
      float v[8], g[8];
      load8(y + r * C + c, v);
      above8<kind>(above, r, C, c, g);
      add_gradient(v, g, a, b, mean, s, q);
    }
  }
  add_over_rows(s, q, C, norm.partial, shared);
}

// dy = scale (g - mean g - x mean(g x)), x the normalised input: scale g + slope y + offset.
struct Slopes {
  float a[8], b[8], slope[8], offset[8];
};
__device__ __forceinline__ void load_slopes(Norm norm, int c, Slopes& of) {
  float mean[8], inverse[8], mg[8], mgx[8];
  load8(norm.scale + c, of.a);
  load8(norm.shift + c, of.b);
  load8(norm.mean + c, mean);
  load8(norm.inverse_std + c, inverse);
  load8(norm.mean_g + c, mg);
  load8(norm.mean_gx + c, mgx);
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    of.slope[k] = -of.a[k] * inverse[k] * mgx[k];
    of.offset[k] = -of.a[k] * mg[k] - of.slope[k] * mean[k];
  }
}
__device__ __forceinline__ void to_input_gradient(float* v, const float* g, const Slopes& of) {
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    const float d = fmaf(of.a[k], v[k], of.b[k]) > 0 ? g[k] : 0.f;
    v[k] = fmaf(of.a[k], d, fmaf(of.slope[k], v[k], of.offset[k]));
  }
}

template <int kind, class T>
__device__ void norm_gradient(const T* __restrict__ y, Above<T> above, T* __restrict__ dy, i64 rows, int C,
                              Norm norm) {
  const int groups = C / 8, c = threadIdx.x % groups * 8;
  const i64 count = rows * groups, stride = (i64)gridDim.x * blockDim.x;
  Slopes slopes;
  load_slopes(norm, c, slopes);
  for (i64 i = (i64)blockIdx.x * blockDim.x + threadIdx.x; i < count; i += 2 * stride) {
    const bool two = i + stride < count;
    const i64 j = two ? i + stride : i;
    float v[2][8], g[2][8];
    load8(y + i * 8, v[0]);
    load8(y + j * 8, v[1]);
    above8<kind>(above, i / groups, C, c, g[0]);
    above8<kind>(above, j / groups, C, c, g[1]);
    to_input_gradient(v[0], g[0], slopes);
    to_input_gradient(v[1], g[1], slopes);
    store8(dy + i * 8, v[0]);
    if (two) store8(dy + j * 8, v[1]);
  }
}
)cuda";

}  // namespace expunge
