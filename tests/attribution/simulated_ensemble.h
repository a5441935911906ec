// Subset models whose logits are made up, for tests of estimators.
#pragma once

#include <ATen/ATen.h>

namespace expunge {

struct SimulatedEnsemble {
  torch::Tensor masks;         // (N, n) bool
  torch::Tensor logits;        // (N, m, C) float32
  torch::Tensor effects = {};  // (n, m, C) float32, of each example on each point's logits
};

/// Every example is kept with probability alpha; logits are linear in the mask with effects that are
/// larger where an example acts on itself, plus noise.
inline SimulatedEnsemble simulated_ensemble(int64_t models, int64_t n, int64_t m, int64_t classes,
                                            double alpha = 0.7, double noise = 1,
                                            uint64_t seed = 1) {
  torch::manual_seed(seed);
  SimulatedEnsemble made;
  made.masks = torch::rand({models, n}) < alpha;
  // Whatever the draw, every example has a model that saw it and one that did not.
  for (int64_t j = 0; j < n; ++j) {
    made.masks[j % models][j] = true;
    made.masks[(j + 1) % models][j] = false;
  }
  auto effects = 0.3 * torch::randn({n, m * classes}).view({n, m, classes});
  for (int64_t j = 0; j < n; ++j) effects[j][j] += 4;
  made.logits = made.masks.to(torch::kFloat32).matmul(effects.view({n, -1}));
  made.logits = (made.logits + noise * torch::randn_like(made.logits)).view({models, m, classes});
  made.effects = effects;
  return made;
}

}  // namespace expunge
