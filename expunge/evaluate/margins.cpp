#include "expunge/evaluate/margins.h"

#include <c10/util/StringUtil.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/to_floats.h"
#include "expunge/core/worker_pool.h"

namespace expunge {
namespace {

// Logits that one pass over a block holds: small enough for the second-level cache.
constexpr int64_t kBlockLogits = 32768;

/// Margins of the points [begin, end) of the N x m points in a row.
template <class Element>
void block_margins(const Element* logits, const int64_t* labels, int64_t m, int64_t classes,
                   int64_t begin, int64_t end, float* out) {
  const int64_t points = end - begin;
  std::vector<float> z(points * classes);
  std::vector<float> others(
      points);  // log of the sum of the other classes' exp, their maximum apart
  if (!to_floats(logits + begin * classes, points * classes, z.data())) {
    for (int64_t i = 0; i < points * classes; ++i) {
      float value = 0;
      if (to_floats(logits + begin * classes + i, 1, &value)) continue;
      const int64_t at = begin + i / classes;
      fail<NonFiniteError>("logits: model {}, point {}, class {} is NaN or infinite", at / m,
                           at % m, i % classes);
    }
  }
  int64_t point = begin % m;
  for (int64_t p = 0; p < points; ++p) {
    float* row = z.data() + p * classes;
    const float labelled = row[labels[point]];
    row[labels[point]] = -std::numeric_limits<float>::infinity();
    const float largest = *std::max_element(row, row + classes);
    for (int64_t c = 0; c < classes; ++c) row[c] -= largest;
    out[begin + p] = labelled - largest;
    if (++point == m) point = 0;
  }
  torch::from_blob(z.data(), {points * classes}).exp_();
  for (int64_t p = 0; p < points; ++p) {
    const float* row = z.data() + p * classes;
    float sum = 0;
    for (int64_t c = 0; c < classes; ++c) sum += row[c];
    others[p] = sum;
  }
  torch::from_blob(others.data(), {points}).log_();
  for (int64_t p = 0; p < points; ++p) out[begin + p] -= others[p];
}

}  // namespace

torch::Tensor margins(const torch::Tensor& logits, const torch::Tensor& labels, int64_t workers) {
  const bool one_model = logits.dim() == 2;
  if (!one_model && logits.dim() != 3) {
    fail<InputError>("logits: expected shape (N, m, C) or (m, C), got {}",
                     c10::str(logits.sizes()));
  }
  const int64_t models = one_model ? 1 : logits.size(0);
  const int64_t m = logits.size(-2);
  const int64_t classes = logits.size(-1);
  const auto dtype = logits.scalar_type();
  if (dtype != torch::kFloat16 && dtype != torch::kFloat32) {
    fail<InputError>("logits: expected float16 or float32, got {}", c10::toString(dtype));
  }
  if (classes < 2) fail<InputError>("logits: a margin needs at least 2 classes, got {}", classes);
  if (labels.dim() != 1 || labels.size(0) != m) {
    fail<InputError>("labels: expected shape ({}) as logits have {} points, got {}", m, m,
                     c10::str(labels.sizes()));
  }
  if (labels.scalar_type() != torch::kInt64) {
    fail<InputError>("labels: expected int64, got {}", c10::toString(labels.scalar_type()));
  }
  const torch::Tensor label_row = labels.contiguous();
  const int64_t* label = label_row.data_ptr<int64_t>();
  for (int64_t j = 0; j < m; ++j) {
    if (label[j] < 0 || label[j] >= classes) {
      fail<InputError>("labels: point {} has label {}, expected 0 to {} as logits have {} classes",
                       j, label[j], classes - 1, classes);
    }
  }

  const torch::Tensor rows = logits.contiguous();
  torch::Tensor result = torch::empty({models, m}, torch::kFloat32);
  float* out = result.data_ptr<float>();
  const int64_t block = std::max<int64_t>(1, kBlockLogits / classes);
  parallel_blocks(models * m, block, workers, [&](int64_t begin, int64_t end) {
    if (dtype == torch::kFloat32) {
      block_margins(rows.data_ptr<float>(), label, m, classes, begin, end, out);
    } else {
      block_margins(static_cast<const uint16_t*>(rows.data_ptr()), label, m, classes, begin, end,
                    out);
    }
  });
  return one_model ? result[0] : result;
}

torch::Tensor shifted_margins(const torch::Tensor& logits, const torch::Tensor& shift,
                              const torch::Tensor& labels, int64_t workers) {
  if (logits.dim() != 3 || shift.sizes() != logits.sizes().slice(1)) {
    fail<InputError>(
        "shifted margins: logits (N, m, C) and a shift (m, C) required, got ({}), ({})",
        fmt::join(logits.sizes(), ", "), fmt::join(shift.sizes(), ", "));
  }
  torch::Tensor result = torch::empty({logits.size(0), logits.size(1)}, torch::kFloat32);
  for (int64_t i = 0; i < logits.size(0); ++i) {
    result[i].copy_(margins(logits[i].to(torch::kFloat32) + shift, labels, workers));
  }
  return result;
}

std::vector<float> margins_of_point(const torch::Tensor& margins, int64_t point) {
  const auto values = margins.select(1, point).contiguous();
  return {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()};
}

void require_margins(const std::string& side, const torch::Tensor& margins,
                     const std::string& metric, int64_t least_models) {
  if (margins.dim() != 2) {
    fail<InputError>("{} margins: expected shape (models, points), got {}", side,
                     c10::str(margins.sizes()));
  }
  if (margins.scalar_type() != torch::kFloat32) {
    fail<InputError>("{} margins: expected float32, got {}", side,
                     c10::toString(margins.scalar_type()));
  }
  if (margins.size(0) < least_models) {
    fail<InputError>("{} margins: {} needs at least {} models a side, got {}", side, metric,
                     least_models, margins.size(0));
  }
}

}  // namespace expunge
