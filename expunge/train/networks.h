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
///   resnet18 He et al. (arXiv 1512.03385), table 1, with shortcuts of 1x1 convolutions where the shape
///            changes: conv7-64 stride 2, max pool 3 stride 2, two residuals of two conv3 at 64, 128, 256
///            and 512 channels, the first of each but 64 with stride 2; mean over pixels; linear
///
/// A TorchScript network has no layers that are known here: InputError.
/// Channels are multiplied by NetworkOptions::width and rounded. Throws InputError if the images
/// are too small for the architecture.
std::unique_ptr<LayeredNetwork> make_network(const NetworkOptions& options,
                                             const NetworkShape& shape);

/// Any network that the options name, a TorchScript one included, whose parameters are yet to be set.
/// InputError for a TorchScript module that does not turn such inputs into such logits.
std::unique_ptr<Network> make_any_network(const NetworkOptions& options, const NetworkShape& shape);

/// The same as training begins with it: parameters drawn from `seed`, for TorchScript by the module's own
/// method or as they are in the file.
std::unique_ptr<Network> initial_network(const NetworkOptions& options, const NetworkShape& shape,
                                         uint64_t seed);

/// Names and shapes of any network's state, of layered ones without making it: what a weight file must
/// hold before memory is taken for a network that the file describes. Throws as make_any_network does.
NamedShapes state_shapes(const NetworkOptions& options, const NetworkShape& shape);

}  // namespace expunge
