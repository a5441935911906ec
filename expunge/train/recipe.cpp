#include "expunge/train/recipe.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "expunge/core/error.h"

namespace expunge {

void NetworkOptions::validate() const {
  for (const int64_t size : hidden) {
    require_option(size > 0, "hidden", "widths above 0", static_cast<double>(size));
  }
  require_option(width > 0 && width <= 1000, "width", "a factor above 0, at most 1000", width);
  if (kind == NetworkKind::torchscript && model.empty())
    fail<OptionError>("option model: a TorchScript file required for network = \"torchscript\"");
  if (kind != NetworkKind::torchscript && !model.empty()) {
    fail<OptionError>(
        "option model: network = \"torchscript\" required beside it, got \"{}\" without", model);
  }
}

void OptimiserOptions::validate() const {
  require_option(momentum >= 0 && momentum < 1, "momentum", "a number in [0, 1)", momentum);
  require_option(weight_decay >= 0 && std::isfinite(weight_decay), "weight_decay",
                 "a number of at least 0", weight_decay);
  require_option(beta1 >= 0 && beta1 < 1, "beta1", "a number in [0, 1)", beta1);
  require_option(beta2 >= 0 && beta2 < 1, "beta2", "a number in [0, 1)", beta2);
  require_option(epsilon > 0, "epsilon", "a number above 0", epsilon);
}

void ScheduleOptions::validate() const {
  require_option(peak_learning_rate > 0 && std::isfinite(peak_learning_rate), "peak_learning_rate",
                 "a number above 0", peak_learning_rate);
  require_option(warmup >= 0 && warmup < 1, "warmup", "a share in [0, 1)", warmup);
}

double learning_rate(const ScheduleOptions& options, int64_t step, int64_t steps) {
  const double peak = options.peak_learning_rate;
  if (options.kind == ScheduleKind::constant) return peak;
  // Steps count from 1 on the way up, and the way down ends one step after the last one: no step is
  // wasted on a rate of 0.
  const double rise =
      options.kind == ScheduleKind::linear ? 0 : options.warmup * static_cast<double>(steps);
  const double now = static_cast<double>(step);
  if (now < rise) return peak * (now + 1) / (rise + 1);
  const double left =
      (static_cast<double>(steps) - now) / std::max(static_cast<double>(steps) - rise, 1.0);
  if (options.kind == ScheduleKind::cosine)
    return peak * 0.5 * (1 - std::cos(std::numbers::pi * left));
  return peak * left;
}

void Recipe::validate() const {
  network.validate();
  optimiser.validate();
  schedule.validate();
  require_option(epochs > 0, "epochs", "a whole number above 0", static_cast<double>(epochs));
  require_option(batch_size > 0, "batch_size", "a whole number above 0",
                 static_cast<double>(batch_size));
}

OptionGroup options_of(Recipe& recipe) {
  OptionGroup group("recipe", "How one model is trained");
  group
      .add("network", recipe.network.kind,
           {{"mlp", NetworkKind::mlp},
            {"convnet", NetworkKind::convnet},
            {"resnet9", NetworkKind::resnet9},
            {"resnet18", NetworkKind::resnet18},
            {"torchscript", NetworkKind::torchscript}},
           "architecture: fully connected, a small convolutional net with BatchNorm, the paper's "
           "ResNet-9, ResNet-18, or one of your own as a TorchScript file")
      .add("hidden", recipe.network.hidden, "widths of the hidden layers of an mlp", "units")
      .add("width", recipe.network.width, "factor on the channels of convnet, resnet9 and resnet18")
      .add("dtype", recipe.network.dtype,
           {{"float32", DtypeKind::float32}, {"float64", DtypeKind::float64}},
           "number format of parameters and activations")
      .add("model", recipe.network.model, "file of a torchscript network")
      .add("initial", recipe.network.initial,
           {{"reset", InitialWeights::reset}, {"given", InitialWeights::given}},
           "where a torchscript network's training begins: fresh weights by its own method "
           "reset_parameters(seed), or the file's, which must not come from the training set")
      .add("optimiser", recipe.optimiser.kind,
           {{"sgd", OptimiserKind::sgd},
            {"adam", OptimiserKind::adam},
            {"adamw", OptimiserKind::adamw}},
           "what turns a gradient into a step")
      .add("momentum", recipe.optimiser.momentum, "momentum of sgd")
      .add("nesterov", recipe.optimiser.nesterov, "Nesterov's form of the momentum of sgd")
      .add("weight_decay", recipe.optimiser.weight_decay, "pull of every parameter towards 0")
      .add("beta1", recipe.optimiser.beta1, "decay of the mean gradient of adam and adamw")
      .add("beta2", recipe.optimiser.beta2, "decay of the mean squared gradient of adam and adamw")
      .add("epsilon", recipe.optimiser.epsilon, "added to the root of the mean squared gradient")
      .add("schedule", recipe.schedule.kind,
           {{"triangle", ScheduleKind::triangle},
            {"cosine", ScheduleKind::cosine},
            {"linear", ScheduleKind::linear},
            {"constant", ScheduleKind::constant}},
           "course of the learning rate")
      .add("peak_learning_rate", recipe.schedule.peak_learning_rate, "largest learning rate")
      .add("warmup", recipe.schedule.warmup, "share of the steps in which the learning rate rises",
           "of all steps")
      .add("epochs", recipe.epochs, "passes over a model's training examples", "passes")
      .add("batch_size", recipe.batch_size,
           "examples of one step; the last batch of an epoch may be smaller", "examples");
  return group;
}

std::map<std::string, std::string> settings_of(const Recipe& recipe, const std::string& prefix) {
  Recipe copy = recipe;
  auto settings = settings_of(options_of(copy), prefix);
  if (recipe.network.kind != NetworkKind::torchscript) {
    settings.erase(prefix + "model");
    settings.erase(prefix + "initial");
  }
  return settings;
}

}  // namespace expunge
