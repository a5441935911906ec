#include "expunge/pipeline/network_kernel.h"

#include <ATen/ops/zeros.h>

#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/core/random.h"
#include "expunge/gradients/tangent_kernel.h"

namespace expunge {

torch::Tensor network_kernel(const Experiment& experiment) {
  const auto path = experiment.folder() / "kernel.npy";
  const auto& problem = experiment.computing();
  const auto full = experiment.open_store("full", "train");
  if (std::filesystem::exists(path)) {
    const auto kernel = read_npy(path);
    if (kernel.sizes() == at::IntArrayRef({problem.m(), problem.n()}) &&
        kernel.scalar_type() == torch::kFloat32) {
      require_noted(path);
      return kernel;
    }
    fail<InputError>("{}: an array ({}, {}) of Float required, got ({}) of {}; remove it",
                     path.string(), problem.m(), problem.n(), fmt::join(kernel.sizes(), ", "),
                     toString(kernel.scalar_type()));
  }
  const int64_t models = std::min<int64_t>(8, full.description().models);
  auto kernel = torch::zeros({problem.m(), problem.n()}, torch::kFloat32);
  const auto tell = [&](int64_t done) {
    if (auto* progress = experiment.progress()) progress->update("kernel", done, models, 0);
  };
  tell(0);
  const bool on_cpu = problem.device().is_cpu();
  for (int64_t i = 0; i < models; ++i) {
    auto model = full.model(i);
    on_device(problem.device(), [&] {
      if (!on_cpu) model.network = model.network->copy_on(problem.device());
      const TangentKernelOptions options{
          .seed = derive_seed(0, "tangent kernel", static_cast<uint64_t>(i)),
          .workers = on_cpu ? experiment.workers() : 1};
      kernel += tangent_kernel(require_layers(*model.network, "tangent kernel"), problem.inputs,
                               problem.n(), options) /
                static_cast<double>(models);
    });
    tell(i + 1);
  }
  write_noted_npy(path, kernel);
  return kernel;
}

CarriedEffects carried_effects(const Experiment& experiment) {
  return CarriedEffects::fit(network_kernel(experiment));
}

std::string kernel_missing(const Experiment& experiment) {
  if (experiment.problem().n() > kMostKernelExamples)
    return fmt::format("more than {} training examples", kMostKernelExamples);
  if (experiment.config().recipe.network.kind == NetworkKind::torchscript)
    return "the layers of a TorchScript network are not known";
  if (!experiment.open_store("full", "train").description().weights)
    return "the full models' weights were not kept";
  return {};
}

std::optional<CarriedEffects> carried_effects_for(const Experiment& experiment,
                                                  Estimator estimator) {
  const bool automatic = estimator == Estimator::automatic;
  if (estimator != Estimator::carried && !automatic) return {};
  if (automatic && !kernel_missing(experiment).empty()) return {};
  return carried_effects(experiment);
}

}  // namespace expunge
