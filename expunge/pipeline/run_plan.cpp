#include "expunge/pipeline/run_plan.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "expunge/core/error.h"
#include "expunge/core/peak_memory.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"
#include "expunge/data/load.h"
#include "expunge/gradients/tangent_kernel.h"
#include "expunge/pipeline/network_kernel.h"
#include "expunge/pipeline/planned_stores.h"
#include "expunge/train/networks.h"
#include "expunge/train/problem.h"
#include "expunge/train/training_rate.h"
#include "expunge/unlearn/matching_cost.h"

namespace expunge {
namespace {

constexpr double kHour = 3600;

int64_t parameters_of(const Recipe& recipe, const NetworkShape& shape) {
  return make_any_network(recipe.network, shape)->parameters().numel();
}

// What attribution holds beside the data, about: the shifts of all forget sets; where the penalty is chosen, the
// logits that choose it and four arrays as large a worker; and for the kernel that of one model and the mean, with the
// points' features before and the float64 decomposition after. Stored logits are mapped, and not counted.
int64_t attribution_bytes(const RunConfig& config, const RunPlan& plan) {
  const int64_t n = plan.training_examples;
  const int64_t m = plan.points;
  const int64_t models = config.ensembles.subset_models;
  const auto& ridge = config.attribution.ridge;
  int64_t bytes = 4 * std::ssize(config.forget_sets) * m * plan.classes + 16 * models * models;
  if (!ridge.lambda && !ridge.lambda_ratio) {
    const int64_t choosing = 4 * models * std::min(ridge.held_out_points, m) * plan.classes;
    bytes += choosing * (1 + 4 * std::min(plan.workers, ridge.folds));
  }
  const auto estimator = config.attribution.estimator;
  const bool carries = estimator == Estimator::carried ||
                       (estimator == Estimator::automatic && n <= kMostKernelExamples);
  if (carries) {
    const int64_t features =
        std::min(plan.classes * plan.parameters, TangentKernelOptions{}.features);
    bytes += 8 * m * n + std::max(4 * m * features, 32 * n * n);
  }
  return bytes;
}

std::string size_words(double bytes) {
  const char* unit = "kB";
  double value = bytes / 1e3;
  for (const char* larger : {"MB", "GB", "TB"}) {
    if (value < 1000) break;
    value /= 1000;
    unit = larger;
  }
  return fmt::format("{:.3g} {}", value, unit);
}

std::string time_words(double seconds) {
  if (seconds < 120) return fmt::format("{:.0f} s", seconds);
  if (seconds < 2 * kHour) return fmt::format("{:.0f} min", seconds / 60);
  return fmt::format("{:.1f} h", seconds / kHour);
}

}  // namespace

int64_t RunPlan::models() const {
  int64_t sum = 0;
  for (const auto& store : stores) sum += store.models;
  return sum;
}

double RunPlan::sample_gradients() const {
  double sum = 0;
  for (const auto& store : stores) sum += store.sample_gradients;
  return sum;
}

int64_t RunPlan::bytes() const {
  int64_t sum = 0;
  for (const auto& store : stores) sum += store.bytes;
  return sum;
}

double RunPlan::seconds() const {
  return sample_gradients() / sample_gradients_a_second;
}

RunPlan plan_run(const RunConfig& config, bool unlearning, int64_t workers) {
  config.validate();
  const auto problem = make_problem(load_data(config.data))
                           .on(open_device(config.compute), config.compute.precision);
  const auto& e = config.ensembles;
  RunPlan plan;
  plan.training_examples = problem.n();
  plan.points = problem.m();
  plan.classes = problem.shape.classes;
  plan.parameters = parameters_of(config.recipe, problem.shape);
  plan.workers = worker_count(workers);

  const auto n = static_cast<double>(problem.n());
  const auto epochs = static_cast<double>(config.recipe.epochs);
  const double logits_of_all = static_cast<double>(problem.m()) / 3;
  const int64_t number = e.logits_dtype == "float16" ? 2 : 4;
  const int64_t row = problem.n() + problem.m() * plan.classes * number;
  const int64_t with_weights =
      row + plan.parameters * (config.recipe.network.dtype == DtypeKind::float64 ? 8 : 4);
  const auto trained = [&](double examples) { return examples * epochs + logits_of_all; };
  std::map<std::string, int64_t> sizes;
  for (const auto& set : config.forget_sets) {
    const auto file = config.path.parent_path() / set.file;
    sizes[set.name] = std::ssize(read_forget_set(file, problem.n()));
  }
  const auto of_one = [&](const PlannedStore& store) {
    if (store.name == "subset") return trained(std::round(e.masks.alpha * n));
    if (store.forget_set.empty()) return trained(n);
    const int64_t forget = sizes.at(store.forget_set);
    if (!store.unlearned) return trained(n - static_cast<double>(forget));
    return matching_cost(config.matching, forget, problem.n(), plan.classes) + logits_of_all;
  };
  for (const auto& store : planned_stores(config)) {
    if (store.unlearned && !unlearning) continue;
    const int64_t bytes = store.unlearned || store.name == "full" ? with_weights : row;
    plan.stores.push_back({store.name, store.models,
                           static_cast<double>(store.models) * of_one(store),
                           store.models * bytes});
  }
  plan.attribution_memory = attribution_bytes(config, plan);
  plan.sample_gradients_a_second =
      measure_training_rate(problem, config.recipe, workers).sample_gradients_a_second;
  plan.training_memory = peak_memory();
  return plan;
}

TextTable plan_table(const RunPlan& plan) {
  TextTable table({{"store", Align::left}, {"models"}, {"sample gradients"}, {"time"}, {"disk"}});
  const auto add = [&](const std::string& name, int64_t models, double gradients, int64_t bytes) {
    table.add_row({name, fmt::format("{}", models), fmt::format("{:.3g}", gradients),
                   time_words(gradients / plan.sample_gradients_a_second),
                   size_words(static_cast<double>(bytes))});
  };
  for (const auto& s : plan.stores) add(s.name, s.models, s.sample_gradients, s.bytes);
  add("all", plan.models(), plan.sample_gradients(), plan.bytes());
  return table;
}

std::string plan_words(const RunPlan& plan) {
  return fmt::format(
      "{} training examples, {} points, {} classes; {} parameters a model.\n"
      "Time: at {:.3g} sample gradients a second, measured here just now with {} workers; solving, "
      "attribution and evaluation come on top.\n"
      "Memory: {} while training, as measured; up to {} more for attribution.",
      plan.training_examples, plan.points, plan.classes, plan.parameters,
      plan.sample_gradients_a_second, plan.workers,
      size_words(static_cast<double>(plan.training_memory)),
      size_words(static_cast<double>(plan.attribution_memory)));
}

}  // namespace expunge
