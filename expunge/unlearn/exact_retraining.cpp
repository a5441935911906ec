#include "expunge/unlearn/exact_retraining.h"

#include "expunge/train/networks.h"
#include "expunge/unlearn/task_examples.h"

namespace expunge {

UnlearnSummary DoNothing::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  if (task.after_pass) task.after_pass(network, 0);
  return {};
}

ExactRetraining::ExactRetraining(const Recipe& recipe) : recipe_(recipe) {
  recipe_.validate();
}

UnlearnSummary ExactRetraining::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto retained = retained_examples(task);
  const auto fresh =
      initial_network(recipe_.network, task.problem.shape, derive_seed(task.seed, "initial", 0))
          ->copy_on(network.parameters().device());
  train_network(*fresh, task.problem.training, retained, recipe_,
                derive_seed(task.seed, "order", 0));
  load_state(network, fresh->state(), "retraining");
  UnlearnSummary summary;
  summary.sample_gradients =
      static_cast<double>(retained.size()) * static_cast<double>(recipe_.epochs);
  if (task.after_pass) task.after_pass(network, summary.sample_gradients);
  return summary;
}

}  // namespace expunge
