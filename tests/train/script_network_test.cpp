// Networks of one's own as TorchScript files.
#include "expunge/train/script_network.h"

#include <gtest/gtest.h>

#include <numeric>

#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/train/ensemble.h"
#include "expunge/train/trainer.h"
#include "train/script_file.h"
#include "train/tiny_ensemble.h"

namespace expunge {
namespace {

Recipe script_recipe(const std::string& file) {
  Recipe recipe = tiny_recipe();
  recipe.network.kind = NetworkKind::torchscript;
  recipe.network.model = file;
  return recipe;
}

std::vector<int64_t> all_members() {
  std::vector<int64_t> members(40);
  std::iota(members.begin(), members.end(), 0);
  return members;
}

TEST(ScriptNetwork, LogitsAreTheModules) {
  const ScratchFolder folder;
  auto module = script_module(4, 3);
  const auto network = ScriptNetwork::load(script_file(folder / "net.pt", module));
  const auto x = torch::randn({5, 1, 4, 4});
  module.eval();
  EXPECT_TRUE(torch::allclose(network->forward(x, Mode::eval), module.forward({x}).toTensor()));
  EXPECT_EQ(network->parameters().numel(), 6 * 16 + 18 + 3);
  std::vector<std::string> names;
  for (const auto& [name, tensor] : network->state()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"first", "last", "bias", "mean", "variance"}));
}

TEST(ScriptNetwork, GradientIsThatOfFiniteDifferences) {
  const ScratchFolder folder;
  const auto network =
      ScriptNetwork::load(script_file(folder / "net.pt", script_module(2, 3)), torch::kFloat64);
  const auto x = torch::randn({6, 1, 2, 2}, torch::kFloat64);
  const auto g = torch::randn({6, 3}, torch::kFloat64);
  auto parameters = network->parameters();
  for (const auto mode : {Mode::eval, Mode::train}) {
    network->forward(x, mode);
    network->backward(g);
    const auto gradient = network->gradient().clone();
    for (int64_t i = 0; i < parameters.numel(); i += 5) {
      const auto value = [&](double step) {
        parameters[i] += step;
        const double v = (network->forward(x, mode) * g).sum().item<double>();
        parameters[i] -= step;
        return v;
      };
      EXPECT_NEAR((value(1e-6) - value(-1e-6)) / 2e-6, gradient[i].item<double>(), 1e-6) << i;
    }
  }
}

TEST(ScriptNetwork, CloneHasMemoryOfItsOwn) {
  const ScratchFolder folder;
  const auto network = ScriptNetwork::load(script_file(folder / "net.pt", script_module(4, 3)));
  const auto x = torch::randn({3, 1, 4, 4});
  const auto before = network->forward(x, Mode::eval).clone();
  const auto copy = network->clone();
  EXPECT_TRUE(torch::equal(copy->forward(x, Mode::eval), before));
  copy->forward(x, Mode::train);
  copy->backward(torch::ones({3, 3}));
  EXPECT_GT(copy->gradient().abs().sum().item<double>(), 0) << "what is trained must stay so";
  copy->parameters().zero_();
  EXPECT_TRUE(torch::equal(network->forward(x, Mode::eval), before))
      << "statistics or weights shared";
}

TEST(ScriptNetwork, FrozenParametersAreNotTrained) {
  const ScratchFolder folder;
  auto module = script_module(4, 3);
  module.attr("first").toTensor().requires_grad_(false);
  const auto network = ScriptNetwork::load(script_file(folder / "net.pt", module));
  EXPECT_EQ(network->parameters().numel(), 18 + 3);
}

TEST(ScriptNetwork, SavedItIsAModuleWithThePresentWeights) {
  const ScratchFolder folder;
  const auto network = ScriptNetwork::load(script_file(folder / "net.pt", script_module(4, 3)));
  network->parameters().mul_(1.5);
  const auto x = torch::randn({3, 1, 4, 4});
  network->save(folder / "saved.pt");
  const auto again = ScriptNetwork::load(folder / "saved.pt");
  EXPECT_TRUE(torch::equal(again->forward(x, Mode::eval), network->forward(x, Mode::eval)));
  again->reset(1);
  EXPECT_FALSE(torch::equal(again->forward(x, Mode::eval), network->forward(x, Mode::eval)));
}

TEST(ScriptNetwork, ResetDrawsFromTheSeedAlone) {
  const ScratchFolder folder;
  const auto file = script_file(folder / "net.pt", script_module(4, 3));
  const auto drawn = [&](uint64_t seed) {
    const auto network = ScriptNetwork::load(file);
    network->reset(seed);
    return network->parameters().clone();
  };
  const auto first = drawn(~0ULL);  // more than an int of TorchScript holds
  torch::manual_seed(8);
  const auto expected = torch::rand({3});
  torch::manual_seed(8);
  EXPECT_TRUE(torch::equal(drawn(~0ULL), first));
  EXPECT_TRUE(torch::equal(torch::rand({3}), expected)) << "LibTorch's generator was moved";
  EXPECT_FALSE(torch::equal(drawn(4), first));
  const auto fixed = script_file(folder / "fixed.pt", script_module(4, 3, 0, false));
  EXPECT_SAYS(message_of<InputError>([&] { ScriptNetwork::load(fixed)->reset(1); }),
              "reset_parameters(self, seed: int)");
}

TEST(ScriptNetwork, TrainingWithDropoutDependsOnTheSeedAlone) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  const auto recipe = script_recipe(script_file(folder / "net.pt", script_module(4, 3, 0.5)));
  const auto trained = [&](uint64_t seed) {
    const auto network = initial_network(recipe.network, problem.shape, seed);
    train_network(*network, problem.training, all_members(), recipe, 1);
    return network->parameters().clone();
  };
  const auto first = trained(5);
  torch::rand({7});
  EXPECT_TRUE(torch::equal(trained(5), first));
  EXPECT_FALSE(torch::equal(trained(6), first));
}

TEST(ScriptNetwork, EnsembleRowsDoNotDependOnWorkers) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  const auto recipe = script_recipe(script_file(folder / "net.pt", script_module(4, 3, 0.3)));
  const auto one = train_ensemble(folder / "one", tiny_spec(20), recipe, problem, 1);
  const auto three = train_ensemble(folder / "three", tiny_spec(20), recipe, problem, 3);
  EXPECT_TRUE(torch::equal(one.logits(), three.logits()));
  // The file of a row loads as a network with its logits.
  auto model = one.model(2);
  EXPECT_TRUE(torch::equal(evaluate_logits(*model.network, problem.inputs), one.logits()[2]));
  // Another module under the same name is another ensemble.
  auto other = script_module(4, 3, 0.3);
  other.attr("bias").toTensor().detach().add_(1);
  script_file(folder / "net.pt", other);
  EXPECT_SAYS(message_of<InputError>(
                  [&] { train_ensemble(folder / "one", tiny_spec(20), recipe, problem); }),
              "recipe.model_digest");
}

TEST(ScriptNetwork, TrainingBeginsWithTheFilesWeightsWhereAsked) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  auto recipe = script_recipe(script_file(folder / "net.pt", script_module(4, 3, 0, false)));
  EXPECT_SAYS(message_of<InputError>([&] { initial_network(recipe.network, problem.shape, 1); }),
              "reset_parameters");
  recipe.network.initial = InitialWeights::given;
  const auto network = initial_network(recipe.network, problem.shape, 1);
  EXPECT_TRUE(
      torch::equal(network->parameters(), ScriptNetwork::load(recipe.network.model)->parameters()));
}

TEST(ScriptNetwork, FilesThatAreNoneAreRefused) {
  const ScratchFolder folder;
  const auto refused = [&](const std::string& name) {
    return message_of<InputError>([&] { ScriptNetwork::load(folder / name); });
  };
  EXPECT_THROW(ScriptNetwork::load(folder / "nowhere.pt"), SystemError);
  for (const std::string bytes : {"", "no module", "PK\3\4 and no more"}) {
    write_file_atomically(folder / "text.pt", bytes);
    EXPECT_SAYS(refused("text.pt"), "a TorchScript file required");
    EXPECT_EQ(refused("text.pt").find('\n'), std::string::npos);
  }
  script_file(folder / "net.pt", script_module(4, 3));
  const auto whole = read_file(folder / "net.pt");
  for (const size_t size : {whole.size() / 2, whole.size() - 30}) {
    write_file_atomically(folder / "cut.pt", whole.substr(0, size));
    EXPECT_SAYS(refused("cut.pt"), "cut.pt: a TorchScript file required");
  }
  torch::jit::Module empty("empty");
  empty.define("def forward(self, x):\n  return x\n");
  script_file(folder / "empty.pt", empty);
  EXPECT_SAYS(refused("empty.pt"), "got none");
  torch::jit::Module mute("mute");
  mute.register_parameter("w", torch::ones({2}).requires_grad_(true), false);
  script_file(folder / "mute.pt", mute);
  EXPECT_SAYS(refused("mute.pt"), "forward");
}

TEST(ScriptNetwork, InputsAndClassesMustBeTheDatas) {
  const ScratchFolder folder;
  NetworkOptions options{.kind = NetworkKind::torchscript,
                         .model = script_file(folder / "net.pt", script_module(4, 3))};
  const auto refused = [&](const NetworkShape& shape) {
    return message_of<InputError>([&] { make_any_network(options, shape); });
  };
  EXPECT_SAYS(refused({1, 5, 5, 3}), "net.pt: TorchScript module: forward of inputs (2, 1, 5, 5)");
  EXPECT_SAYS(refused({1, 4, 4, 10}), "logits of 10 classes as in the data required, got 3");
  EXPECT_EQ(state_shapes(options, {1, 4, 4, 3}).size(), 5);
  options.model = "";
  EXPECT_THROW(make_any_network(options, {1, 4, 4, 3}), OptionError);
  EXPECT_THROW(make_network({.kind = NetworkKind::mlp, .model = "net.pt"}, {1, 4, 4, 3}),
               OptionError);
}

TEST(ScriptNetwork, SettingsOfOtherRecipesAreWhatTheyWere) {
  const auto settings = settings_of(tiny_recipe(), "recipe.");
  EXPECT_EQ(settings.count("recipe.model"), 0);
  EXPECT_EQ(settings.count("recipe.initial"), 0);
  EXPECT_EQ(settings_of(script_recipe("a.pt"), "").at("model"), "\"a.pt\"");
}

}  // namespace
}  // namespace expunge
