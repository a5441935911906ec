// Training many networks of one recipe on a CUDA device, side by side.
//
// The training set is resident on the device once, in the activations' number format. A network's
// training step is one CUDA graph, or a whole epoch where steps are few, that is launched without the
// host waiting for it; each thread that trains has a stream, memory and graphs of its own, a lane.
// Orders of examples, learning rates and first weights are those of train_network(), computed on the
// CPU. All sums are taken in an order that depends on shapes alone, so that a network's result does
// not depend on how many are trained at once (docs/gpu.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "expunge/train/network.h"
#include "expunge/train/problem.h"
#include "expunge/train/recipe.h"

namespace expunge {

class GraphTraining {
 public:
  /// nullptr where train_network() has to do: inputs on the CPU, a build without CUDA, float64
  /// parameters, and networks other than convolution, BatchNorm, ReLU (2 x 2 max pool of even sizes,
  /// global pools, residual blocks of these) with a multiple of 8 channels, or flattened inputs with
  /// linear layers and ReLU; ending with a linear layer of at most 64 classes. The problem must
  /// outlive it. OptionError for half precision on a device older than compute capability 8.0.
  static std::unique_ptr<GraphTraining> make(const Problem& problem, const Recipe& recipe);
  ~GraphTraining();

  /// As train_network() on the problem's training set. Thread-safe. OutOfMemory where a further lane
  /// finds none. NonFiniteError names the first step whose loss was not finite; it is looked at once an
  /// epoch.
  void train(LayeredNetwork& network, std::span<const int64_t> members, uint64_t seed);

  /// Networks of `examples` examples each that may be trained at once: what their memory, and that of
  /// the logits of one each, leaves room for, at most `most`. Makes the first lane.
  int64_t at_once(int64_t examples, int64_t most);
  /// Gives back the memory of lanes that are not at work.
  void release();

 private:
  class Impl;
  explicit GraphTraining(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace expunge
