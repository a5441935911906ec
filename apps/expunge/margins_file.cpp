#include "margins_file.h"

#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge::app {

torch::Tensor margins_in(const std::string& path) {
  const auto margins = map_npy(path);
  if (margins.dim() != 2 || margins.scalar_type() != torch::kFloat32) {
    fail<InputError>("{}: margins (models, points) of float32 required, got ({}) of {}", path,
                     fmt::join(margins.sizes(), ", "), toString(margins.scalar_type()));
  }
  if (margins.size(1) == 0) {
    fail<InputError>("{}: margins of at least one point required, got ({})", path,
                     fmt::join(margins.sizes(), ", "));
  }
  return margins;
}

}  // namespace expunge::app
