#include "expunge/unlearn/bad_teacher.h"

#include <algorithm>
#include <cmath>

#include "expunge/data/forget_set.h"
#include "expunge/train/loss.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {

void BadTeacherOptions::validate() const {
  stepping.validate();
  require_option(retain_share >= 0 && retain_share <= 1, "retain_share", "a share in [0, 1]",
                 retain_share);
  require_option(temperature > 0 && std::isfinite(temperature), "temperature", "a number above 0",
                 temperature);
}

OptionGroup options_of(BadTeacherOptions& o) {
  OptionGroup group("bad_teacher", "Bad-T");
  group.include(options_of(o.stepping))
      .add("retain_share", o.retain_share, "share of the retained examples seen in an epoch")
      .add("temperature", o.temperature, "softens teachers and student");
  return group;
}

BadTeacher::BadTeacher(const BadTeacherOptions& options, const NetworkOptions& network)
    : options_(options), architecture_(network) {
  options_.validate();
}

UnlearnSummary BadTeacher::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto& problem = task.problem;
  const auto retained = retained_examples(task);
  const auto forgotten = forget_mask(task.forget, problem.n());
  const auto good = network.clone();
  const auto bad =
      initial_network(architecture_, problem.shape, derive_seed(task.seed, "bad teacher", 0))
          ->copy_on(network.parameters().device());

  GradientPasses passes(network, task, options_.stepping);
  const auto loss = [&](const GradientPasses::Batch& batch, torch::Tensor& gradient) {
    const auto in_forget = rows(forgotten, batch.members).to(batch.logits.device()).unsqueeze(1);
    const auto teacher = torch::where(in_forget, bad->forward(batch.inputs, Mode::eval),
                                      good->forward(batch.inputs, Mode::eval));
    passes.count(static_cast<double>(batch.members.size()) / 3);  // only one of the two is needed
    return distillation(batch.logits, teacher, options_.temperature, gradient);
  };
  CounterRng rng(derive_seed(task.seed, "retained examples", 0));
  const auto drawn = std::llround(options_.retain_share * static_cast<double>(retained.size()));
  for (int64_t epoch = 0; epoch < options_.stepping.epochs; ++epoch) {
    auto points = draw(retained, drawn, rng);
    points.insert(points.end(), task.forget.begin(), task.forget.end());
    passes.run(points, options_.stepping.batch_size, loss);
  }
  return passes.summary();
}

}  // namespace expunge
