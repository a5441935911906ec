// TorchScript files for tests, written without Python.
#pragma once

#include <torch/csrc/jit/api/module.h>
#include <torch/types.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace expunge {

/// Flatten, linear to 6, BatchNorm, tanh, dropout by `dropout`, linear to `classes`; takes (B, 1, side, side).
/// With a method reset_parameters(seed) unless `resets` is false.
inline torch::jit::Module script_module(int64_t side, int64_t classes, double dropout = 0,
                                        bool resets = true) {
  torch::manual_seed(3);
  torch::jit::Module module("net");
  module.register_attribute("training", c10::BoolType::get(), true);
  const auto trained = [&](const char* name, torch::IntArrayRef shape) {
    module.register_parameter(name, (0.5 * torch::randn(shape)).requires_grad_(true), false);
  };
  trained("first", {6, side * side});
  trained("last", {classes, 6});
  trained("bias", {classes});
  module.register_buffer("mean", torch::zeros({6}));
  module.register_buffer("variance", torch::ones({6}));
  module.define(R"(
    def forward(self, x):
        h = torch.matmul(x.flatten(1), self.first.t())
        h = torch.batch_norm(h, None, None, self.mean, self.variance, self.training, 0.1, 1e-5, False)
        h = torch.dropout(torch.tanh(h), )" +
                std::to_string(dropout) + R"(, self.training)
        return torch.matmul(h, self.last.t()) + self.bias
  )");
  if (resets) {
    module.define(R"(
    def reset_parameters(self, seed: int):
        self.first.uniform_(-0.5, 0.5)
        self.last.uniform_(-0.5, 0.5)
        self.bias.zero_()
        self.mean.zero_()
        self.variance.fill_(1.0)
    )");
  }
  return module;
}

inline std::string script_file(const std::filesystem::path& path,
                               const torch::jit::Module& module) {
  module.save(path.string());
  return path.string();
}

}  // namespace expunge
