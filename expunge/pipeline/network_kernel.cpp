#include "expunge/pipeline/network_kernel.h"

#include <ATen/ops/zeros.h>

#include <mutex>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/noted_checksum.h"
#include "expunge/core/npy.h"
#include "expunge/core/worker_pool.h"
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
  std::vector<torch::Tensor> kernels(static_cast<size_t>(models));
  std::mutex telling;
  int64_t done = 0;
  const auto tell = [&](int64_t more) {
    const std::lock_guard lock(telling);
    done += more;
    if (auto* progress = experiment.progress()) progress->update("kernel", done, models, 0);
  };
  tell(0);
  const bool on_cpu = problem.device().is_cpu();
  // Elsewhere m^2 numbers of one model leave no room for those of another.
  parallel_for(models, on_cpu ? experiment.workers() : 1, [&](int64_t i) {
    auto model = full.model(i);
    on_device(problem.device(), [&] {
      if (!on_cpu) model.network = model.network->copy_on(problem.device());
      kernels[static_cast<size_t>(i)] = tangent_kernel(
          require_layers(*model.network, "tangent kernel"), problem.inputs, problem.n());
    });
    tell(1);
  });
  auto kernel = torch::zeros({problem.m(), problem.n()}, torch::kFloat32);
  for (const auto& one : kernels) kernel += one / static_cast<double>(models);
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
