#include "expunge/attribution/weighted_sums.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <cstring>

#include "expunge/attribution/add_scaled.h"
#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/core/to_floats.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// A block's sums are held in the innermost caches.
constexpr int64_t block_bytes = int64_t{128} << 10;
// From so many weight vectors on, a matrix product of a converted block pays.
constexpr int64_t product_from = 8;

class Pass {
 public:
  Pass(const torch::Tensor& weights, const torch::Tensor& rows, torch::Tensor& out)
      : weights_(weights),
        rows_(rows),
        out_(out),
        models_(weights.size(1)),
        sums_(weights.size(0)),
        width_(out.numel() / std::max<int64_t>(1, sums_)) {}

  // False if a value of the block is not finite.
  bool run(int64_t begin, int64_t end) {
    return sums_ < product_from ? by_row(begin, end) : by_product(begin, end);
  }
  [[nodiscard]] int64_t block() const {
    if (sums_ >= product_from) return 1024;
    return block_bytes / 4 / std::max<int64_t>(1, sums_);
  }

 private:
  bool by_row(int64_t begin, int64_t end) {
    const int64_t count = end - begin;
    std::vector<float> values(static_cast<size_t>(count));
    std::vector<float> sums(static_cast<size_t>(count * sums_), 0.0F);
    const auto* weights = weights_.data_ptr<float>();
    bool finite = true;
    for (int64_t i = 0; i < models_; ++i) {
      finite &= read_values(rows_, i, begin, count, values.data());
      for (int64_t k = 0; k < sums_; ++k)
        add_scaled(weights[k * models_ + i], values.data(), count, sums.data() + k * count);
    }
    for (int64_t k = 0; k < sums_; ++k) {
      std::memcpy(out_.data_ptr<float>() + k * width_ + begin, sums.data() + k * count,
                  static_cast<size_t>(count) * sizeof(float));
    }
    return finite;
  }

  bool by_product(int64_t begin, int64_t end) {
    const int64_t count = end - begin;
    const auto block = torch::empty({models_, count}, torch::kFloat32);
    bool finite = true;
    for (int64_t i = 0; i < models_; ++i)
      finite &= read_values(rows_, i, begin, count, block.data_ptr<float>() + i * count);
    auto sums = out_.view({sums_, width_}).slice(1, begin, end);
    gemm(weights_, false, block, false, sums);
    return finite;
  }

  const torch::Tensor& weights_;
  const torch::Tensor& rows_;
  torch::Tensor& out_;
  int64_t models_;
  int64_t sums_;
  int64_t width_;
};

[[noreturn]] void refuse_non_finite(const torch::Tensor& rows, int64_t begin, int64_t end,
                                    const char* what) {
  std::vector<float> value(1);
  for (int64_t i = 0; i < rows.size(0); ++i) {
    for (int64_t x = begin; x < end; ++x) {
      if (!read_values(rows, i, x, 1, value.data())) {
        std::vector<int64_t> position;
        int64_t rest = x;
        for (int64_t d = rows.dim() - 1; d > 0; --d) {
          position.insert(position.begin(), rest % rows.size(d));
          rest /= rows.size(d);
        }
        fail<NonFiniteError>("{}: finite values required, got NaN or infinity at [{}, {}]", what, i,
                             fmt::join(position, ", "));
      }
    }
  }
  fail<NonFiniteError>("{}: finite values required", what);
}

}  // namespace

bool read_values(const torch::Tensor& rows, int64_t row, int64_t begin, int64_t count, float* to) {
  const int64_t width = rows.size(0) == 0 ? 0 : rows.numel() / rows.size(0);
  const int64_t offset = row * width + begin;
  switch (rows.scalar_type()) {
    case torch::kFloat16:
      return to_floats(static_cast<const uint16_t*>(rows.data_ptr()) + offset, count, to);
    case torch::kFloat32:
      return to_floats(rows.data_ptr<float>() + offset, count, to);
    case torch::kBool:
      return to_floats(rows.data_ptr<bool>() + offset, count, to);
    default:
      fail<InputError>("rows: bool, float16 or float32 required, got {}",
                       toString(rows.scalar_type()));
  }
}

torch::Tensor weighted_sums(const torch::Tensor& weights, const torch::Tensor& rows,
                            const char* what, int64_t workers) {
  if (weights.dim() != 2 || weights.scalar_type() != torch::kFloat32 || rows.dim() < 1 ||
      weights.size(1) != rows.size(0) || !rows.is_contiguous()) {
    fail<InputError>("{}: weights ({}) of {} do not fit rows ({})", what,
                     fmt::join(weights.sizes(), ", "), toString(weights.scalar_type()),
                     fmt::join(rows.sizes(), ", "));
  }
  auto shape = rows.sizes().vec();
  shape[0] = weights.size(0);
  auto out = torch::empty(shape, torch::kFloat32);
  if (out.numel() == 0) return out;
  const auto own_weights = weights.contiguous();
  Pass pass(own_weights, rows, out);
  std::atomic<int64_t> bad{-1};
  const int64_t block = pass.block();
  parallel_blocks(out.numel() / weights.size(0), block, workers, [&](int64_t begin, int64_t end) {
    if (!pass.run(begin, end)) bad.store(begin);
  });
  if (const int64_t begin = bad.load(); begin >= 0)
    refuse_non_finite(rows, begin, std::min(begin + block, out.numel() / weights.size(0)), what);
  return out;
}

}  // namespace expunge
