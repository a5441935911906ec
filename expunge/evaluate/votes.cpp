#include "expunge/evaluate/votes.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "expunge/core/error.h"

namespace expunge {

Favourite favourite_class(const torch::Tensor& logits, const torch::Tensor& models, int64_t point,
                          int64_t label) {
  if (logits.dim() != 3 || !logits.is_floating_point()) {
    fail<InputError>("logits: (models, points, classes) required, got ({}) of {}",
                     fmt::join(logits.sizes(), ", "), toString(logits.scalar_type()));
  }
  if (models.dim() != 1 || models.size(0) != logits.size(0) ||
      models.scalar_type() != torch::kBool) {
    fail<InputError>("models: ({}) of bool required, got ({}) of {}", logits.size(0),
                     fmt::join(models.sizes(), ", "), toString(models.scalar_type()));
  }
  if (point < 0 || point >= logits.size(1) || label < 0 || label >= logits.size(2)) {
    fail<InputError>("logits: point and class below {} and {} required, got {} and {}",
                     logits.size(1), logits.size(2), point, label);
  }
  const auto values = logits.select(1, point).to(torch::kFloat32).contiguous();
  const auto asked = models.contiguous();
  const int64_t classes = values.size(1);
  std::vector<int64_t> votes(static_cast<size_t>(classes));
  Favourite found;
  for (int64_t i = 0; i < values.size(0); ++i) {
    if (!asked.data_ptr<bool>()[i]) continue;
    const float* z = values.data_ptr<float>() + i * classes;
    if (!std::all_of(z, z + classes, [](float v) { return std::isfinite(v); })) {
      fail<NonFiniteError>(
          "logits: finite values required, got NaN or infinity at model {}, point {}", i, point);
    }
    ++votes[static_cast<size_t>(std::max_element(z, z + classes) - z)];
    ++found.of;
  }
  if (found.of == 0) fail<InputError>("models: at least one to ask required, got none");
  const auto most = std::max_element(votes.begin(), votes.end());
  found.label = most - votes.begin();
  found.votes = *most;
  found.agree = votes[static_cast<size_t>(label)];
  return found;
}

}  // namespace expunge
