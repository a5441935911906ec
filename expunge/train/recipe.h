// Everything that decides how one model is trained.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "expunge/core/options.h"

namespace expunge {

enum class NetworkKind { mlp, convnet, resnet9, resnet18, torchscript };
/// Where the training of a TorchScript network begins.
enum class InitialWeights { reset, given };
enum class OptimiserKind { sgd, adam, adamw };
enum class ScheduleKind { triangle, cosine, linear, constant };
enum class DtypeKind { float32, float64 };

/// A network's architecture; input and class sizes come from the data.
struct NetworkOptions {
  NetworkKind kind = NetworkKind::mlp;
  std::vector<int64_t> hidden = {128};  // widths of an MLP's hidden layers
  double width = 1;                     // factor on the channels of convnet, resnet9 and resnet18
  DtypeKind dtype = DtypeKind::float32;
  std::string model = {};  // of torchscript: the file (train/script_network.h)
  InitialWeights initial =
      InitialWeights::reset;  // of torchscript: by its method, or the file's weights

  void validate() const;
};

/// The change of the parameters by one gradient g.
///   sgd    v <- momentum v + (g + weight_decay w); w <- w - lr (g + weight_decay w + momentum v)
///   with
///          nesterov, else w <- w - lr v (Sutskever et al., ICML 2013, in PyTorch's form)
///   adam   Kingma and Ba, arXiv 1412.6980, weight decay added to the gradient
///   adamw  Loshchilov and Hutter, arXiv 1711.05101, weight decay apart from the gradient
struct OptimiserOptions {
  OptimiserKind kind = OptimiserKind::sgd;
  double momentum = 0.9;
  bool nesterov = true;
  double weight_decay = 5e-4;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;

  void validate() const;
};

/// The learning rate over a training's steps.
///   triangle  linear from 0 to the peak over the first `warmup` of the steps, then linear to 0
///   cosine    the same rise, then a half cosine to 0
///   linear    from the peak to 0
///   constant  the peak
struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::triangle;
  double peak_learning_rate = 0.1;
  double warmup = 0.2;  // share of all steps

  void validate() const;
};

/// Learning rate of step `step` (from 0) of `steps`.
double learning_rate(const ScheduleOptions& options, int64_t step, int64_t steps);

/// The defaults train EVIDENCE's "small" setting: an MLP on 28 x 28 images.
struct Recipe {
  NetworkOptions network;
  OptimiserOptions optimiser;
  ScheduleOptions schedule;
  int64_t epochs = 20;
  int64_t batch_size = 50;

  void validate() const;
};

/// The groups "recipe" options are read from: [recipe] with all keys in one table.
OptionGroup options_of(Recipe& recipe);

/// Every option that counts for the recipe, as TOML text by prefix and name: `model` and `initial` are
/// TorchScript networks' alone, so that the records of others are what they were before there were these.
std::map<std::string, std::string> settings_of(const Recipe& recipe, const std::string& prefix);

}  // namespace expunge
