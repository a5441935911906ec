#include "expunge/train/networks.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/train/batch_norm.h"
#include "expunge/train/containers.h"
#include "expunge/train/convolution.h"
#include "expunge/train/linear.h"
#include "expunge/train/pointwise.h"
#include "expunge/train/pooling.h"
#include "expunge/train/script_network.h"

namespace expunge {
namespace {

std::unique_ptr<Layer> build_mlp(const std::vector<int64_t>& hidden, const NetworkShape& shape) {
  auto net = std::make_unique<Sequential>();
  net->add<Flatten>();
  int64_t in = shape.channels * shape.height * shape.width;
  for (const int64_t out : hidden) {
    net->add<Linear>(in, out).add<Relu>();
    in = out;
  }
  net->add<Linear>(in, shape.classes);
  return net;
}

// Numbers of channels of a wider or narrower network.
struct Channels {
  double width;
  int64_t operator()(int64_t c) const {
    return std::max<int64_t>(1, std::llround(width * static_cast<double>(c)));
  }
};

void add_normed(Sequential& net, const ConvolutionShape& convolution) {
  net.add<Convolution>(convolution).add<BatchNorm>(convolution.out);
}

void add_block(Sequential& net, const ConvolutionShape& convolution) {
  add_normed(net, convolution);
  net.add<Relu>();
}

std::unique_ptr<Sequential> residual_block(int64_t channels) {
  auto inner = std::make_unique<Sequential>();
  const ConvolutionShape same{.in = channels, .out = channels, .padding = 1};
  add_block(*inner, same);
  add_block(*inner, same);
  return inner;
}

std::unique_ptr<Layer> build_convnet(double width, const NetworkShape& shape) {
  const Channels channels{width};
  auto net = std::make_unique<Sequential>();
  add_block(*net, {.in = shape.channels, .out = channels(16), .padding = 1});
  add_block(*net, {.in = channels(16), .out = channels(32), .stride = 2, .padding = 1});
  add_block(*net, {.in = channels(32), .out = channels(32), .padding = 1});
  add_block(*net, {.in = channels(32), .out = channels(64), .stride = 2, .padding = 1});
  net->add<GlobalMeanPool>().add<Linear>(channels(64), shape.classes);
  return net;
}

std::unique_ptr<Layer> build_resnet9(double width, const NetworkShape& shape) {
  const Channels channels{width};
  auto net = std::make_unique<Sequential>();
  add_block(*net, {.in = shape.channels, .out = channels(64), .padding = 1});
  add_block(*net,
            {.in = channels(64), .out = channels(128), .kernel = 5, .stride = 2, .padding = 2});
  net->add<Residual>(residual_block(channels(128)));
  add_block(*net, {.in = channels(128), .out = channels(256), .padding = 1});
  net->add<MaxPool>(PoolShape{}).add<Residual>(residual_block(channels(256)));
  add_block(*net, {.in = channels(256), .out = channels(128)});
  net->add<GlobalMaxPool>().add<Linear>(channels(128), shape.classes, false).add<Scale>(0.2);
  return net;
}

// Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution where they change the shape.
std::unique_ptr<Residual> basic_block(int64_t in, int64_t out, int64_t stride) {
  auto inner = std::make_unique<Sequential>();
  add_block(*inner, {.in = in, .out = out, .stride = stride, .padding = 1});
  add_normed(*inner, {.in = out, .out = out, .padding = 1});
  if (in == out && stride == 1) return std::make_unique<Residual>(std::move(inner));
  auto shortcut = std::make_unique<Sequential>();
  add_normed(*shortcut, {.in = in, .out = out, .kernel = 1, .stride = stride});
  return std::make_unique<Residual>(std::move(inner), std::move(shortcut));
}

std::unique_ptr<Layer> build_resnet18(double width, const NetworkShape& shape) {
  const Channels channels{width};
  auto net = std::make_unique<Sequential>();
  add_block(*net,
            {.in = shape.channels, .out = channels(64), .kernel = 7, .stride = 2, .padding = 3});
  net->add<MaxPool>(PoolShape{.size = 3, .stride = 2, .padding = 1});
  int64_t in = channels(64);
  for (const int64_t c : {64, 128, 256, 512}) {
    const int64_t out = channels(c);
    net->add(basic_block(in, out, c == 64 ? 1 : 2)).add<Relu>();
    net->add(basic_block(out, out, 1)).add<Relu>();
    in = out;
  }
  net->add<GlobalMeanPool>().add<Linear>(in, shape.classes);
  return net;
}

// What makes the layers, once the sizes are known to fit.
std::function<std::unique_ptr<Layer>()> builder_of(const NetworkOptions& options,
                                                   const NetworkShape& shape) {
  options.validate();
  if (options.kind == NetworkKind::torchscript)
    fail<InputError>("network: one whose layers are known required, got a TorchScript file");
  if (shape.classes < 2)
    fail<InputError>("a classifier of at least 2 classes required, got {}", shape.classes);
  const int64_t side = std::min(shape.height, shape.width);
  // resnet9 halves the image twice, then needs 3 x 3 pixels for its last convolution.
  if (options.kind == NetworkKind::resnet9 && side < 12) {
    fail<InputError>("resnet9 takes images of at least 12 x 12 pixels, got {} x {}", shape.height,
                     shape.width);
  }
  switch (options.kind) {
    case NetworkKind::convnet:
      return [=] { return build_convnet(options.width, shape); };
    case NetworkKind::resnet9:
      return [=] { return build_resnet9(options.width, shape); };
    case NetworkKind::resnet18:
      return [=] { return build_resnet18(options.width, shape); };
    case NetworkKind::mlp:
    case NetworkKind::torchscript:
      break;
  }
  return [=] { return build_mlp(options.hidden, shape); };
}

torch::ScalarType dtype_of(const NetworkOptions& options) {
  return options.dtype == DtypeKind::float64 ? torch::kFloat64 : torch::kFloat32;
}

std::unique_ptr<ScriptNetwork> load_script(const NetworkOptions& options,
                                           const NetworkShape& shape) {
  options.validate();
  auto network = ScriptNetwork::load(options.model, dtype_of(options));
  const auto inputs =
      torch::zeros({2, shape.channels, shape.height, shape.width}, dtype_of(options));
  const auto classes = [&] {
    try {
      if (options.initial == InitialWeights::reset) network->require_reset();
      return network->forward(inputs, Mode::eval).size(1);
    } catch (const InputError& error) {
      fail<InputError>("{}: {}", options.model, error.what());
    }
  }();
  if (classes != shape.classes) {
    fail<InputError>("{}: logits of {} classes as in the data required, got {}", options.model,
                     shape.classes, classes);
  }
  return network;
}

}  // namespace

std::unique_ptr<LayeredNetwork> make_network(const NetworkOptions& options,
                                             const NetworkShape& shape) {
  return std::make_unique<LayeredNetwork>(builder_of(options, shape), dtype_of(options));
}

std::unique_ptr<Network> make_any_network(const NetworkOptions& options,
                                          const NetworkShape& shape) {
  if (options.kind == NetworkKind::torchscript) return load_script(options, shape);
  return make_network(options, shape);
}

std::unique_ptr<Network> initial_network(const NetworkOptions& options, const NetworkShape& shape,
                                         uint64_t seed) {
  if (options.kind != NetworkKind::torchscript) {
    auto network = make_network(options, shape);
    network->initialise(seed);
    return network;
  }
  auto network = load_script(options, shape);
  if (options.initial == InitialWeights::reset) network->reset(seed);
  network->seed_draws(seed);
  return network;
}

NamedShapes state_shapes(const NetworkOptions& options, const NetworkShape& shape) {
  if (options.kind != NetworkKind::torchscript) return state_shapes(*builder_of(options, shape)());
  NamedShapes shapes;
  for (const auto& [name, tensor] : load_script(options, shape)->state())
    shapes.emplace_back(name, tensor.sizes().vec());
  return shapes;
}

}  // namespace expunge
