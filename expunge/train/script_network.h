// A network that comes as a TorchScript file: what torch.jit.save() wrote of a module of one's own.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "expunge/train/autograd_network.h"

namespace expunge {

/// A scripted or traced module that takes inputs (B, C, H, W) and returns logits (B, classes). Parameters that
/// require no gradient, and buffers, keep their values but for what the module itself changes in Mode::train.
/// Only files that are trusted should be loaded: they hold programs, and LibTorch does not check them.
///
/// A module that draws random numbers in training, as dropout does, draws them from LibTorch's generator, which
/// all threads share. Such a forward pass takes its turn, and the generator is seeded for it from
/// (the network's seed, number of the pass), so that a model does not depend on what else is trained.
class ScriptNetwork final : public AutogradNetwork {
 public:
  /// In the dtype asked for. SystemError if the file cannot be read; InputError if it is no TorchScript
  /// module, or has nothing to train.
  static std::unique_ptr<ScriptNetwork> load(const std::filesystem::path& path,
                                             torch::ScalarType dtype = torch::kFloat32);
  ~ScriptNetwork() override;
  ScriptNetwork(const ScriptNetwork&) = delete;
  ScriptNetwork& operator=(const ScriptNetwork&) = delete;

  /// Fresh parameters by the module's own method reset_parameters(seed: int), called with the seed halved, which
  /// is what fits into int, while LibTorch's generator has that seed too. InputError if there is no such method.
  void reset(uint64_t seed);
  /// The same InputError, without calling it.
  void require_reset() const;
  /// The seed of what is drawn in training.
  void seed_draws(uint64_t seed);

  /// The module with its present weights, for torch.jit.load(), as a whole or not at all.
  void save(const std::filesystem::path& path) const;

  [[nodiscard]] NamedTensors state() const override;
  [[nodiscard]] std::unique_ptr<Network> clone() const override;
  [[nodiscard]] std::unique_ptr<Network> copy_on(torch::Device device) const override;

 private:
  struct Script;
  explicit ScriptNetwork(std::unique_ptr<Script> script);
  torch::Tensor call(const torch::Tensor& x, Mode mode) override;

  std::unique_ptr<Script> script_;
  uint64_t seed_ = 0;
  uint64_t passes_ = 0;  // in Mode::train
};

}  // namespace expunge
