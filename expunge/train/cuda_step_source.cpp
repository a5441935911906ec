#include "expunge/train/cuda_sources.h"

// No headers: NVRTC is not asked where the toolkit's are. A bfloat16 is the upper half of a float32.
namespace expunge {

const char* const cuda_step_source = R"cuda(
typedef unsigned short u16;
typedef unsigned int u32;
typedef long long i64;

struct half_t { u16 bits; };

__device__ __forceinline__ float number(float x) { return x; }
__device__ __forceinline__ float number(half_t x) { return __uint_as_float((u32)x.bits << 16); }
__device__ __forceinline__ void put(float* p, float x) { *p = x; }
__device__ __forceinline__ void put(half_t* p, float x) {
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(p->bits) : "f"(x));
}
__device__ __forceinline__ u32 two_halves(float low, float high) {
  u32 both;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(high), "f"(low));
  return both;
}

__device__ __forceinline__ void load8(const float* p, float* v) {
  const float4 a = ((const float4*)p)[0], b = ((const float4*)p)[1];
  v[0] = a.x; v[1] = a.y; v[2] = a.z; v[3] = a.w;
  v[4] = b.x; v[5] = b.y; v[6] = b.z; v[7] = b.w;
}
__device__ __forceinline__ void load8(const half_t* p, float* v) {
  const uint4 a = *(const uint4*)p;
  const u32 w[4] = {a.x, a.y, a.z, a.w};
  #pragma unroll
  for (int k = 0; k < 4; ++k) {
    v[2 * k] = __uint_as_float(w[k] << 16);
    v[2 * k + 1] = __uint_as_float(w[k] & 0xffff0000u);
  }
}
__device__ __forceinline__ void store8(float* p, const float* v) {
  ((float4*)p)[0] = make_float4(v[0], v[1], v[2], v[3]);
  ((float4*)p)[1] = make_float4(v[4], v[5], v[6], v[7]);
}
__device__ __forceinline__ void store8(half_t* p, const float* v) {
  *(uint4*)p = make_uint4(two_halves(v[0], v[1]), two_halves(v[2], v[3]), two_halves(v[4], v[5]),
                          two_halves(v[6], v[7]));
}

// Where a training is at the beginning of a graph: its step, and the first of its examples in `order`. What a
// graph's later steps add to it they are told.
struct Progress {
  int step;
  int cursor;
  int diverged;  // the first step whose loss was not finite
};

// Rows order[cursor ...] of the data; a block a row, in units of 16 or 2 bytes.
template <class Unit>
__device__ void gather(const Unit* data, const int* labels, const int* order, const Progress* progress,
                       int begin, Unit* batch, int* batch_labels, int units) {
  const int row = order[progress->cursor + begin + blockIdx.x];
  const Unit* from = data + (i64)row * units;
  Unit* to = batch + (i64)blockIdx.x * units;
  for (int i = threadIdx.x; i < units; i += blockDim.x) to[i] = from[i];
  if (threadIdx.x == 0) batch_labels[blockIdx.x] = labels[row];
}

// What a convolution's outputs see of images (H, W, C): rows of `width` numbers, kernel^2 C of them in the
// order (row, column, channel), then zeros. A thread for 8 of them.
struct Patches {
  int height, width, channels, kernel, stride, padding, out_height, out_width, columns;
};
constexpr int most_columns = 64;
template <class T>
__device__ void gather_patches(const T* data, const int* labels, const int* order,
                               const Progress* progress, int begin, T* patches, int* batch_labels,
                               Patches s) {
  __shared__ int rows[most_columns], columns[most_columns], offsets[most_columns];
  for (int j = threadIdx.x; j < s.columns; j += blockDim.x) {
    const int pixel = j / s.channels;
    rows[j] = j < s.kernel * s.kernel * s.channels ? pixel / s.kernel : -(1 << 20);
    columns[j] = pixel % s.kernel;
    offsets[j] = (pixel / s.kernel * s.width + pixel % s.kernel) * s.channels + j % s.channels;
  }
  __syncthreads();
  const int example = order[progress->cursor + begin + blockIdx.y];
  const int parts = s.columns / 8, part = blockIdx.x * blockDim.x + threadIdx.x;
  const int position = part / parts, at = part % parts * 8, positions = s.out_height * s.out_width;
  if (part == 0) batch_labels[blockIdx.y] = labels[example];
  if (position >= positions) return;
  const int y = position / s.out_width * s.stride - s.padding;
  const int x = position % s.out_width * s.stride - s.padding;
  const T* image = data + (i64)example * s.height * s.width * s.channels;
  const int corner = (y * s.width + x) * s.channels;
  float v[8];
  #pragma unroll
  for (int k = 0; k < 8; ++k) {
    const int j = at + k;
    const bool inside = (u32)(y + rows[j]) < (u32)s.height && (u32)(x + columns[j]) < (u32)s.width;
    v[k] = inside ? number(image[corner + offsets[j]]) : 0.f;
  }
  store8(patches + ((i64)blockIdx.y * positions + position) * s.columns + at, v);
}

__device__ __forceinline__ float over_warp(float x) {
  #pragma unroll
  for (int s = 16; s > 0; s /= 2) x += __shfl_xor_sync(0xffffffffu, x, s);
  return x;
}

// Logits z = factor (f w' + bias) of features f (B, K) for at most 64 classes, the gradient of their
// mean cross-entropy by f, and by factor times z: one warp a sample.
constexpr int most_classes = 64;
template <class T>
__device__ void head(const T* f, const int* labels, const float* w, const float* bias, int B, int K, int C,
                     float factor, T* df, float* dz, Progress* progress, int step) {
  __shared__ float shared[4][most_classes];
  const int lane = threadIdx.x % 32, b = blockIdx.x * 4 + threadIdx.x / 32;
  float* z = shared[threadIdx.x / 32];
  if (b >= B) return;
  f += (i64)b * K;
  for (int c = 0; c < C; ++c) {
    float sum = 0;
    for (int k = lane; k < K; k += 32) sum = fmaf(number(f[k]), w[c * K + k], sum);
    sum = over_warp(sum);
    if (lane == 0) z[c] = factor * (sum + (bias ? bias[c] : 0.f));
  }
  __syncwarp();
  float largest = z[0];
  for (int c = 1; c < C; ++c) largest = fmaxf(largest, z[c]);
  float sum = 0;
  for (int c = 0; c < C; ++c) sum += expf(z[c] - largest);
  const int y = labels[b];
  const float loss = logf(sum) + largest - z[y];
  if (lane == 0 && !(fabsf(loss) <= 3.4e38f)) atomicMin(&progress->diverged, progress->step + step);
  __syncwarp();
  for (int c = lane; c < C; c += 32) {
    z[c] = (expf(z[c] - largest) / sum - (c == y ? 1.f : 0.f)) * factor / B;
    dz[b * C + c] = z[c];
  }
  __syncwarp();
  for (int k = lane; k < K; k += 32) {
    float d = 0;
    for (int c = 0; c < C; ++c) d = fmaf(z[c], w[c * K + k], d);
    put(df + (i64)b * K + k, d);
  }
}

// Gradients of the head's weights (C, K) and bias (C): a block of 32 x 8 threads for 32 of a class's weights.
template <class T>
__device__ void head_gradient(const T* f, const float* dz, float* dw, float* dbias, int B, int K, int C) {
  __shared__ float sums[2][8][32];
  const int k = blockIdx.x * 32 + threadIdx.x, c = blockIdx.y;
  float of_weight = 0, of_bias = 0;
  #pragma unroll 8
  for (int b = threadIdx.y; b < B; b += 8) {
    const float d = dz[b * C + c];
    of_bias += d;
    if (k < K) of_weight = fmaf(d, number(f[(i64)b * K + k]), of_weight);
  }
  sums[0][threadIdx.y][threadIdx.x] = of_weight;
  sums[1][threadIdx.y][threadIdx.x] = of_bias;
  __syncthreads();
  if (threadIdx.y > 0) return;
  for (int i = 1; i < 8; ++i) {
    of_weight += sums[0][i][threadIdx.x];
    of_bias += sums[1][i][threadIdx.x];
  }
  if (k < K) dw[c * K + k] = of_weight;
  if (dbias && k == 0) dbias[c] = of_bias;
}

// One tensor's gradient, and where its parameters are in the flat vectors (a multiple of 8).
struct Segment {
  const void* gradient;
  i64 at;
  int count;
  int is_half;
};
constexpr int most_segments = 32;
struct Segments { Segment of[most_segments]; };

// Of each step: learning rate, and Adam's two corrections.
struct Factors { float rate, first, second; };

struct Rule {
  int adam, nesterov;
  float momentum, coupled_decay, decoupled_decay, beta1, beta2, epsilon;
};

// The formulas of OptimiserOptions; `low` (may be null) becomes the rounded parameters.
template <class T>
__device__ void optimise(Segments segments, float* w, float* first, float* second, T* low,
                         const Factors* factors, const Progress* progress, int step, Rule rule) {
  const Segment segment = segments.of[blockIdx.y];
  const Factors now = factors[progress->step + step];
  const int stride = gridDim.x * blockDim.x;
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < segment.count; i += stride) {
    const float g = segment.is_half ? number(((const half_t*)segment.gradient)[i])
                                    : ((const float*)segment.gradient)[i];
    const i64 at = segment.at + i;
    float x = w[at];
    const float d = fmaf(rule.coupled_decay, x, g);
    if (rule.adam) {
      const float m = rule.beta1 * first[at] + (1 - rule.beta1) * d;
      const float s = rule.beta2 * second[at] + (1 - rule.beta2) * d * d;
      first[at] = m;
      second[at] = s;
      const float direction = m * now.first / (sqrtf(s * now.second) + rule.epsilon);
      x -= now.rate * (direction + rule.decoupled_decay * x);
    } else {
      const float moved = fmaf(rule.momentum, first[at], d);
      first[at] = moved;
      x -= now.rate * (rule.nesterov ? fmaf(rule.momentum, moved, d) : moved);
    }
    w[at] = x;
    if (low) put(low + at, x);
  }
}

extern "C" __global__ void advance(Progress* progress, int steps, int examples) {
  progress->step += steps;
  progress->cursor += examples;
}

// Back through a hidden layer's ReLU: dz = dh where h > 0 (B, K), and its sum over the batch, the bias's
// gradient. Blocks of 32 x 8 threads for 32 columns.
template <class T>
__device__ void hidden_gradient(const T* dh, const T* h, T* dz, float* dbias, int B, int K) {
  __shared__ float sums[8][32];
  const int k = blockIdx.x * 32 + threadIdx.x;
  float sum = 0;
  if (k < K) {
    for (int b = threadIdx.y; b < B; b += 8) {
      const i64 at = (i64)b * K + k;
      const float d = number(h[at]) > 0 ? number(dh[at]) : 0.f;
      put(dz + at, d);
      sum += d;
    }
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y > 0 || k >= K) return;
  for (int i = 1; i < 8; ++i) sum += sums[i][threadIdx.x];
  dbias[k] = sum;
}
)cuda";

}  // namespace expunge
