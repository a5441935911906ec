#include "expunge/unlearn/scrub.h"

#include <cmath>
#include <limits>

#include "expunge/core/error.h"
#include "expunge/train/loss.h"
#include "expunge/unlearn/class_weights.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {

void ScrubOptions::validate() const {
  stepping.validate();
  require_option(ascent_epochs >= 0 && ascent_epochs <= stepping.epochs, "ascent_epochs",
                 "a whole number from 0 to epochs", static_cast<double>(ascent_epochs));
  require_option(forget_batch_size > 0, "forget_batch_size", "a whole number above 0",
                 static_cast<double>(forget_batch_size));
  require_option(alpha >= 0 && std::isfinite(alpha), "alpha", "a number of at least 0", alpha);
  require_option(gamma >= 0 && std::isfinite(gamma), "gamma", "a number of at least 0", gamma);
  require_option(temperature > 0 && std::isfinite(temperature), "temperature", "a number above 0",
                 temperature);
}

OptionGroup options_of(ScrubOptions& o) {
  OptionGroup group("scrub", "SCRUB");
  group.include(options_of(o.stepping))
      .add("ascent_epochs", o.ascent_epochs,
           "first epochs, in which a pass away from the teacher comes first", "epochs")
      .add("forget_batch_size", o.forget_batch_size, "examples of one step of ascent", "examples")
      .add("alpha", o.alpha, "weight of the distance to the teacher on retained examples")
      .add("gamma", o.gamma, "weight of the cross-entropy on retained examples")
      .add("temperature", o.temperature, "softens both sides of the distance")
      .add("rewind", o.rewind,
           "take the epoch whose error on the forget set is closest to that on validation points");
  return group;
}

double weighted_error(const torch::Tensor& logits, const torch::Tensor& labels,
                      const torch::Tensor& weights) {
  const auto wrong = logits.argmax(1).ne(labels).to(torch::kFloat64);
  return ((wrong * weights).sum() / weights.sum()).item<double>();
}

Scrub::Scrub(const ScrubOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary Scrub::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto teacher = network.clone();
  const auto retained = retained_examples(task);
  const auto& problem = task.problem;
  GradientPasses passes(network, task, options_.stepping);
  const auto teach = [&](const GradientPasses::Batch& batch) {
    passes.count(static_cast<double>(batch.members.size()) / 3);
    return teacher->forward(batch.inputs, Mode::eval);
  };
  const auto leave = [&](const GradientPasses::Batch& batch, torch::Tensor& gradient) {
    return distillation(batch.logits, teach(batch), options_.temperature, gradient);
  };
  torch::Tensor towards_teacher;
  const auto stay = [&](const GradientPasses::Batch& batch, torch::Tensor& gradient) {
    towards_teacher = torch::empty_like(gradient);
    const double distance =
        distillation(batch.logits, teach(batch), options_.temperature, towards_teacher);
    const double loss = label_loss(batch, gradient);
    gradient.mul_(options_.gamma).add_(towards_teacher, options_.alpha);
    return options_.alpha * distance + options_.gamma * loss;
  };

  std::vector<std::unique_ptr<Network>> students;
  for (int64_t epoch = 0; epoch < options_.stepping.epochs; ++epoch) {
    if (epoch < options_.ascent_epochs) {
      passes.ascend({task.forget.begin(), task.forget.end()}, options_.forget_batch_size, leave);
    }
    passes.run(retained, options_.stepping.batch_size, stay);
    if (options_.rewind) students.push_back(network.clone());
  }
  if (!options_.rewind) return passes.summary();

  const auto dtype = network.parameters().scalar_type();
  const int64_t n = problem.n();
  const int64_t validation = problem.m() - n;
  const auto weights = class_weights(problem, task.forget);
  if (!(weights.sum().item<double>() > 0)) {
    fail<InputError>(
        "SCRUB's rewinding: a validation point of a forgotten class required, none there");
  }
  const double reference =
      weighted_error(evaluate_logits(network, problem.inputs.narrow(0, n, validation).to(dtype)),
                     problem.labels.narrow(0, n, validation), weights);
  passes.count(static_cast<double>(validation) / 3);

  const auto forget_inputs = rows(problem.inputs, task.forget).to(dtype);
  const auto forget_labels = rows(problem.labels, task.forget);
  const auto evenly = torch::ones_like(forget_labels, torch::kFloat64);
  double closest = std::numeric_limits<double>::infinity();
  const Network* best = nullptr;
  for (const auto& student : students) {
    const double error =
        weighted_error(evaluate_logits(*student, forget_inputs), forget_labels, evenly);
    passes.count(static_cast<double>(task.forget.size()) / 3);
    if (std::abs(error - reference) > closest) continue;
    closest = std::abs(error - reference);
    best = student.get();
  }
  load_state(network, best->state(), "SCRUB's rewinding");
  return passes.summary();
}

}  // namespace expunge
