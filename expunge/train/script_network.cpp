#include "expunge/train/script_network.h"

#include <ATen/Context.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/passes/inliner.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <functional>
#include <mutex>
#include <sstream>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"

namespace expunge {
namespace {

using ScriptModule = torch::jit::Module;

constexpr const char* reset_method = "reset_parameters";

// What went wrong in one line. LibTorch's exceptions carry a stack of frames behind it; those of the interpreter have
// the script's lines before it.
std::string reason(const std::exception& error) {
  std::string text = error.what();
  const auto from_script = text.rfind("\nRuntimeError: ");
  if (from_script != std::string::npos) text = text.substr(from_script + 1);
  text.erase(0, text.find_first_not_of('\n'));
  return text.substr(0, text.find('\n'));
}

ScriptModule load_module(const std::filesystem::path& path) {
  std::istringstream bytes(read_file(path));
  try {
    return torch::jit::load(bytes);
  } catch (const std::exception& error) {
    fail<InputError>("{}: a TorchScript file required (torch.jit.save), LibTorch says: {}",
                     path.string(), reason(error));
  }
}

NamedTensors trained_of(const ScriptModule& module) {
  NamedTensors trained;
  for (const auto& parameter : module.named_parameters()) {
    if (parameter.value.requires_grad()) trained.emplace_back(parameter.name, parameter.value);
  }
  return trained;
}

// In memory of its own; what is trained in the one is trained in the other. LibTorch takes tensors of one storage,
// as a network's parameters are, for one tensor when it copies: each has its own meanwhile.
ScriptModule copy_of(const ScriptModule& module) {
  const c10::NoGradGuard no_graph;
  std::map<std::string, torch::Tensor> views;
  std::map<std::string, bool> trained;
  for (const auto& parameter : module.named_parameters()) {
    trained[parameter.name] = parameter.value.requires_grad();
    views[parameter.name] = parameter.value.detach();
    parameter.value.set_data(parameter.value.detach().clone());
  }
  auto copy = module.deepcopy();
  for (const auto& parameter : module.named_parameters())
    parameter.value.set_data(views[parameter.name]);
  for (const auto& parameter : copy.named_parameters())
    parameter.value.requires_grad_(trained[parameter.name]);
  return copy;
}

bool any_random(const at::ArrayRef<torch::jit::Block*>& blocks) {
  for (const auto* block : blocks) {
    for (const auto* node : block->nodes()) {
      if (node->isNondeterministic() || any_random(const_cast<torch::jit::Node*>(node)->blocks()))
        return true;
    }
  }
  return false;
}

// Whether a forward pass may draw random numbers.
bool draws_numbers(const ScriptModule& module) {
  const auto graph = module.get_method("forward").graph()->copy();
  torch::jit::Inline(*graph);
  return any_random({graph->block()});
}

// Runs `task` with LibTorch's generator at a seed; afterwards it is where it was before. One at a time, whatever
// the tasks are: a template would have a turn for each kind of them.
void with_generator(uint64_t seed, const std::function<void()>& task) {
  static std::mutex turn;
  const std::lock_guard lock(turn);
  auto generator = at::globalContext().defaultGenerator(c10::DeviceType::CPU);
  torch::Tensor before;
  {
    const std::lock_guard its_own(generator.mutex());
    before = generator.get_state();
    generator.set_current_seed(seed);
  }
  const auto restore = [&] {
    const std::lock_guard its_own(generator.mutex());
    generator.set_state(before);
  };
  try {
    task();
  } catch (...) {
    restore();
    throw;
  }
  restore();
}

}  // namespace

struct ScriptNetwork::Script {
  explicit Script(const ScriptModule& made)
      : module(made), trained(trained_of(module)), is_random(draws_numbers(module)) {}
  ScriptModule module;
  NamedTensors trained;
  bool is_random;
};

ScriptNetwork::ScriptNetwork(std::unique_ptr<Script> script)
    : AutogradNetwork(script->trained), script_(std::move(script)) {}

ScriptNetwork::~ScriptNetwork() = default;

std::unique_ptr<ScriptNetwork> ScriptNetwork::load(const std::filesystem::path& path,
                                                   torch::ScalarType dtype) {
  auto module = load_module(path);
  if (!module.find_method("forward"))
    fail<InputError>("{}: a module with a method forward required", path.string());
  module.to(dtype);
  try {
    return std::unique_ptr<ScriptNetwork>(new ScriptNetwork(std::make_unique<Script>(module)));
  } catch (const InputError& error) {
    fail<InputError>("{}: {}", path.string(), error.what());
  }
}

void ScriptNetwork::seed_draws(uint64_t seed) {
  seed_ = seed;
  passes_ = 0;
}

void ScriptNetwork::require_reset() const {
  if (script_->module.find_method(reset_method)) return;
  fail<InputError>(
      "TorchScript module: a method {}(self, seed: int), exported by torch.jit.export, required "
      "for initial = "
      "\"reset\"; there is none",
      reset_method);
}

void ScriptNetwork::reset(uint64_t seed) {
  require_reset();
  const c10::NoGradGuard no_graph;
  const uint64_t half = seed >> 1;
  with_generator(half, [&] {
    try {
      script_->module.get_method(reset_method)({static_cast<int64_t>(half)});
    } catch (const std::exception& error) {
      fail<InputError>("TorchScript module: {}(seed): {}", reset_method, reason(error));
    }
  });
}

void ScriptNetwork::save(const std::filesystem::path& path) const {
  std::ostringstream bytes;
  copy_of(script_->module).save(bytes);
  write_file_atomically(path, bytes.str());
}

torch::Tensor ScriptNetwork::call(const torch::Tensor& x, Mode mode) {
  // Run as written: the optimiser's results may depend on what was run before.
  const torch::jit::GraphOptimizerEnabledGuard as_written(false);
  const bool trains = mode == Mode::train;
  script_->module.train(trains);
  torch::Tensor logits;
  const auto run = [&] {
    try {
      const auto output = script_->module.forward({x});
      if (output.isTensor()) logits = output.toTensor();
    } catch (const std::exception& error) {
      fail<InputError>("TorchScript module: forward of inputs ({}): {}", fmt::join(x.sizes(), ", "),
                       reason(error));
    }
  };
  if (trains && script_->is_random) {
    with_generator(derive_seed(seed_, "forward pass", passes_++), run);
  } else {
    run();
  }
  if (!logits.defined())
    fail<InputError>(
        "TorchScript module: logits as one tensor required, forward returns another thing");
  return logits;
}

NamedTensors ScriptNetwork::state() const {
  NamedTensors state;
  for (const auto& parameter : script_->module.named_parameters())
    state.emplace_back(parameter.name, parameter.value.detach());
  for (const auto& buffer : script_->module.named_buffers())
    state.emplace_back(buffer.name, buffer.value.detach());
  return state;
}

std::unique_ptr<Network> ScriptNetwork::clone() const {
  return copy_on(parameters().device());
}

std::unique_ptr<Network> ScriptNetwork::copy_on(torch::Device device) const {
  auto module = copy_of(script_->module);
  module.to(device);
  auto copy = std::unique_ptr<ScriptNetwork>(new ScriptNetwork(std::make_unique<Script>(module)));
  copy->seed_ = seed_;
  copy->passes_ = passes_;
  return copy;
}

}  // namespace expunge
