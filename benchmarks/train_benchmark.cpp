// Models trained a second, and what share of the machine's multiply-add rate that is.
//
//   train_benchmark [--models 32] [--workers 2] [--data FOLDER] [--format idx] [--network mlp]
//                   [--examples 1000] [--epochs E] [--batch B] [--rate R] [--nesterov 0|1]
//                   [--device cpu] [--precision float32] [--validation 100] [--side 32]
//                   [--cudnn rule]
//
// Prints one JSON line. The recipe is the library's default: MLP 784-128-10 on the first 1,000
// training images of Fashion-MNIST, 20 epochs in batches of 50. `--network resnet9` has the paper's
// recipe instead (24 epochs, batch 512, peak learning rate 0.4 at epoch 5, momentum 0.9, weight decay
// 5e-4). `--data synthetic` makes images of 3 x 32 x 32 up, or of another `--side`. On a CUDA device the peak is that of a
// bfloat16 product of 8192^3 with half precision, else of a float32 one, and model 0's accuracy on the
// validation points is told; `--cudnn timed` lets cuDNN choose its kernels by timing them, and
// `--cudnn any` kernels whose sums vary too, to see what the rule costs.
#include <ATen/Context.h>
#include <ATen/ops/mm.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <map>
#include <mutex>
#include <vector>

#include "benchmarks/made_up_images.h"
#include "expunge/core/device.h"
#include "expunge/core/error.h"
#include "expunge/core/fma_peak.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/load.h"
#include "expunge/train/convolution.h"
#include "expunge/train/ensemble.h"
#include "expunge/train/linear.h"
#include "expunge/train/pooling.h"

namespace expunge {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Arguments {
  int64_t models = 32;
  int64_t workers = 2;
  std::string data;
  DataOptions source{.train_examples = 1000, .validation_examples = 100};
  Recipe recipe;
  ComputeOptions compute;
  std::string cudnn = "rule";
  int64_t side = 32;
};

Recipe paper_recipe() {
  Recipe recipe;
  recipe.network.kind = NetworkKind::resnet9;
  recipe.optimiser.nesterov = false;
  recipe.schedule = {.kind = ScheduleKind::triangle, .peak_learning_rate = 0.4, .warmup = 5.0 / 24};
  recipe.epochs = 24;
  recipe.batch_size = 512;
  return recipe;
}

Arguments parse(int argc, char** argv) {
  std::map<std::string, std::string> given;
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) fail<OptionError>("option {}: a value required", argv[i]);
    given[argv[i]] = argv[i + 1];
  }
  Arguments arguments;
  const auto take = [&](const std::string& name,
                        const std::function<void(const std::string&)>& use) {
    const auto found = given.find(name);
    if (found == given.end()) return;
    use(found->second);
    given.erase(found);
  };
  const auto whole = [&](const std::string& name, int64_t& value) {
    take(name, [&](const std::string& text) { value = std::atoll(text.c_str()); });
  };
  take("--network", [&](const std::string& name) {
    if (name == "resnet9") {
      arguments.recipe = paper_recipe();
    } else if (name == "convnet") {
      arguments.recipe.network.kind = NetworkKind::convnet;
    } else if (name != "mlp") {
      fail<OptionError>("--network: mlp, convnet or resnet9 required, got {}", name);
    }
  });
  whole("--models", arguments.models);
  whole("--workers", arguments.workers);
  whole("--examples", arguments.source.train_examples);
  whole("--validation", arguments.source.validation_examples);
  whole("--epochs", arguments.recipe.epochs);
  whole("--batch", arguments.recipe.batch_size);
  whole("--side", arguments.side);
  take("--rate", [&](const std::string& t) {
    arguments.recipe.schedule.peak_learning_rate = std::atof(t.c_str());
  });
  take("--nesterov", [&](const std::string& t) { arguments.recipe.optimiser.nesterov = t == "1"; });
  take("--cudnn", [&](const std::string& t) { arguments.cudnn = t; });
  take("--data", [&](const std::string& t) { arguments.data = t; });
  take("--format", [&](const std::string& t) {
    const auto group = options_of(arguments.source);
    for (const auto& field : group.fields()) {
      if (field.name == "format") field.parse(t);
    }
  });
  const auto compute = options_of(arguments.compute);
  for (const auto& field : compute.fields()) take("--" + field.name, field.parse);
  if (!given.empty()) fail<OptionError>("unknown option {}", given.begin()->first);
  if (!arguments.data.empty()) arguments.source.path = arguments.data;
  return arguments;
}

DataSplit load(const Arguments& arguments) {
  if (arguments.data == "synthetic") {
    return {made_up_images(arguments.source.train_examples, 1, arguments.side),
            made_up_images(std::max<int64_t>(arguments.source.validation_examples, 10), 2,
                           arguments.side)};
  }
  return load_data(arguments.source);
}

// Operations that a sample's training step cannot do without: two for every weight and position, for
// the layers' outputs, their weight gradients, and their input gradients but the first one's.
class NeededWork {
 public:
  explicit NeededWork(const NetworkShape& shape) : height_(shape.height), width_(shape.width) {}

  void add(Layer& layer) {
    if (const auto* convolution = dynamic_cast<const Convolution*>(&layer)) {
      const auto& s = convolution->shape();
      height_ = (height_ + 2 * s.padding - s.kernel) / s.stride + 1;
      width_ = (width_ + 2 * s.padding - s.kernel) / s.stride + 1;
      add_products(static_cast<double>(s.in * s.out * s.kernel * s.kernel * height_ * width_));
    } else if (dynamic_cast<const Linear*>(&layer) != nullptr) {
      const auto& weight = layer.parameters()[0]->shape;
      add_products(static_cast<double>(weight[0] * weight[1]));
    } else if (const auto* pool = dynamic_cast<const MaxPool*>(&layer)) {
      const auto& s = pool->shape();
      height_ = (height_ + 2 * s.padding - s.size) / s.stride + 1;
      width_ = (width_ + 2 * s.padding - s.size) / s.stride + 1;
    }
    for (const auto& [name, child] : layer.children()) add(*child);
  }
  [[nodiscard]] double operations() const { return operations_; }

 private:
  void add_products(double products) {
    operations_ += 2 * products * (first_ ? 2 : 3);
    first_ = false;
  }
  int64_t height_, width_;
  bool first_ = true;
  double operations_ = 0;
};

// GFLOP/s of a large product on a CUDA device.
double product_peak(torch::Device device, torch::ScalarType dtype) {
  double best = 0;
  on_device(device, [&] {
    const int64_t side = 8192;
    const auto options = torch::TensorOptions().dtype(dtype).device(device);
    const auto a = torch::randn({side, side}, options);
    const auto b = torch::randn({side, side}, options);
    auto out = torch::empty({side, side}, options);
    const auto wait = [&] { [[maybe_unused]] const auto value = out[0][0].item<float>(); };
    for (int i = 0; i < 3; ++i) at::mm_out(out, a, b);
    wait();
    for (int repeat = 0; repeat < 5; ++repeat) {
      const auto begin = Clock::now();
      for (int i = 0; i < 10; ++i) at::mm_out(out, a, b);
      wait();
      best = std::max(best, 10 * 2.0 * side * side * side / seconds_since(begin) / 1e9);
    }
  });
  return best;
}

double accuracy(Network& network, const Problem& problem) {
  const int64_t n = problem.n();
  const int64_t count = problem.m() - n;
  const auto logits = evaluate_logits(network, problem.inputs.narrow(0, n, count));
  return logits.argmax(1)
      .eq(problem.labels.narrow(0, n, count))
      .to(torch::kFloat64)
      .mean()
      .item<double>();
}

void run(const Arguments& arguments) {
  const auto device = open_device(arguments.compute);
  const bool on_cpu = device.is_cpu();
  at::globalContext().setBenchmarkCuDNN(arguments.cudnn != "rule");
  at::globalContext().setDeterministicCuDNN(arguments.cudnn != "any");
  const bool half = arguments.compute.precision == Precision::half;
  const Problem problem = make_problem(load(arguments)).on(device, arguments.compute.precision);
  const Recipe& recipe = arguments.recipe;
  EnsembleSpec spec;
  spec.name = "benchmark";
  spec.models = arguments.models;
  std::vector<double> accuracies(static_cast<size_t>(spec.models), 0);
  double weight_sum = 0;  // of model 0: the same for any number of workers
  const auto peak = [&] {
    return on_cpu ? fma_peak(arguments.workers)
                  : product_peak(device, half ? torch::kBFloat16 : torch::kFloat32);
  };
  const double before = peak();
  const auto graphs = GraphTraining::make(problem, recipe);
  int64_t workers = arguments.workers;
  const auto warm = Clock::now();
  if (graphs != nullptr) {
    on_device(device, [&] { workers = graphs->at_once(problem.n(), workers); });
  }
  const auto train = [&](int64_t row) {
    on_device(device, [&] {
      const auto network = train_member(spec, recipe, problem, row, graphs.get());
      if (row == 0) weight_sum = network->parameters().sum(torch::kFloat64).item<double>();
      if (!on_cpu) accuracies[static_cast<size_t>(row)] = accuracy(*network, problem);
    });
  };
  if (on_cpu) {
    parallel_for(workers, workers, train);
  } else if (graphs != nullptr) {  // each worker's lane captures its graphs
    parallel_for(workers, workers, train);
  }
  const double warm_seconds = seconds_since(warm);
  const auto begin = Clock::now();
  parallel_for(arguments.models, workers, train);
  const double seconds = seconds_since(begin);
  const double after = peak();
  const double models_per_s = static_cast<double>(arguments.models) / seconds;
  const double images_per_s = models_per_s * static_cast<double>(problem.n() * recipe.epochs);
  NeededWork work(problem.shape);
  const auto network = make_network(recipe.network, problem.shape);
  work.add(network->root());
  const double gflops = images_per_s * work.operations() / 1e9;
  std::string more;
  if (!on_cpu) {
    double sum = 0;
    for (const double a : accuracies) sum += a;
    more = fmt::format(
        "\"device\": \"{}\", \"precision\": \"{}\", \"graphs\": {}, \"models_per_min\": {:.1f}, "
        "\"images_per_s\": {:.0f}, \"warm_up_s\": {:.1f}, \"validation_accuracy\": {:.4f}, ",
        describe_device(device), half ? "half" : "float32", graphs != nullptr, 60 * models_per_s,
        images_per_s, warm_seconds, sum / static_cast<double>(spec.models));
  }
  fmt::print(
      "{{{}\"workers\": {}, \"models\": {}, \"models_per_s\": {:.3f}, \"gflop_per_s\": {:.1f}, "
      "\"{}_before\": {:.1f}, \"{}_after\": {:.1f}, \"share_of_peak\": {:.3f}, "
      "\"weight_sum\": {:.17g}}}\n",
      more, workers, arguments.models, models_per_s, gflops, on_cpu ? "fma_peak" : "product_peak",
      before, on_cpu ? "fma_peak" : "product_peak", after, 2 * gflops / (before + after),
      weight_sum);
}

}  // namespace
}  // namespace expunge

int main(int argc, char** argv) try {
  expunge::run(expunge::parse(argc, argv));
  return EXIT_SUCCESS;
} catch (const std::exception& error) {
  std::fprintf(stderr, "train_benchmark: %s\n", error.what());
  return EXIT_FAILURE;
}
