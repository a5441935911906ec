// The architectures that a recipe can name.
#pragma once

#include <memory>

#include "expunge/train/network.h"
#include "expunge/train/recipe.h"

namespace expunge {

/// What a network takes and gives.
struct NetworkShape {
  int64_t channels = 1;
  int64_t height = 28;  // pixels
  int64_t width = 28;   // pixels
  int64_t classes = 10;
};

/// An untrained network; call initialise() for its first parameters. Input (B, channels, height,
/// width), logits (B, classes).
///
///   mlp      flatten, then for each hidden width linear and ReLU, then linear
///   convnet  3x3 convolutions 16, 32 (stride 2), 32, 64 (stride 2), each with BatchNorm and ReLU;
///            mean over pixels; linear
///   resnet9  the paper's, without biases: conv3-64, conv5-128 stride 2, residual of two conv3-128,
///            conv3-256, max pool 2, residual of two conv3-256, conv3-128 without padding, each
///            convolution with BatchNorm and ReLU; largest over pixels; linear; times 0.2
///
/// Channels are multiplied by NetworkOptions::width and rounded. Throws InputError if the images
/// are too small for the architecture.
std::unique_ptr<LayeredNetwork> make_network(const NetworkOptions& options,
                                             const NetworkShape& shape);

/// Names and shapes of such a network's state, without making it: what a weight file must hold
/// before memory is taken for a network that the file describes. Throws as make_network does.
NamedShapes state_shapes(const NetworkOptions& options, const NetworkShape& shape);

}  // namespace expunge
