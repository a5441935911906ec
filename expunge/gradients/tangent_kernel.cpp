#include "expunge/gradients/tangent_kernel.h"

#include <ATen/ops/zeros.h>

#include "expunge/core/error.h"
#include "expunge/gradients/logit_jacobian.h"

namespace expunge {

torch::Tensor tangent_kernel(Network& network, const torch::Tensor& inputs, int64_t columns) {
  const int64_t points = inputs.size(0);
  if (columns < 1 || columns > points)
    fail<InputError>("tangent kernel: 1 to {} columns required, got {}", points, columns);
  auto kernel = torch::zeros({points, columns}, inputs.options().dtype(torch::kFloat32));
  int64_t classes = 1;
  for (int64_t c = 0; c < classes; ++c) {
    LogitJacobian jacobian(network);
    const auto logits = jacobian.forward(inputs);
    classes = logits.size(1);
    auto direction = torch::zeros({points, 1, classes}, logits.options());
    direction.select(2, c).fill_(1);
    jacobian.add(direction);
    kernel += jacobian.gram().narrow(1, 0, columns);
  }
  return kernel.cpu();
}

}  // namespace expunge
