#include "expunge/unlearn/ascent_descent.h"

#include "expunge/unlearn/task_examples.h"

namespace expunge {

GradientAscent::GradientAscent(const SteppingOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary GradientAscent::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  GradientPasses passes(network, task, options_);
  for (int64_t epoch = 0; epoch < options_.epochs; ++epoch) {
    passes.ascend({task.forget.begin(), task.forget.end()}, options_.batch_size, label_loss);
  }
  return passes.summary();
}

GradientDescent::GradientDescent(const SteppingOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary GradientDescent::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto retained = retained_examples(task);
  GradientPasses passes(network, task, options_);
  for (int64_t epoch = 0; epoch < options_.epochs; ++epoch) {
    passes.run(retained, options_.batch_size, label_loss);
  }
  return passes.summary();
}

void AscentDescentOptions::validate() const {
  stepping.validate();
  require_option(ascent_epochs >= 0 && ascent_epochs <= stepping.epochs, "ascent_epochs",
                 "a whole number from 0 to epochs", static_cast<double>(ascent_epochs));
  require_option(forget_batch_size > 0, "forget_batch_size", "a whole number above 0",
                 static_cast<double>(forget_batch_size));
}

OptionGroup options_of(AscentDescentOptions& o) {
  OptionGroup group("gda", "Ascent on the forget set, descent on the rest");
  group.include(options_of(o.stepping))
      .add("ascent_epochs", o.ascent_epochs, "first epochs, in which a pass of ascent comes first",
           "epochs")
      .add("forget_batch_size", o.forget_batch_size, "examples of one step of ascent", "examples");
  return group;
}

AscentDescent::AscentDescent(const AscentDescentOptions& options) : options_(options) {
  options_.validate();
}

UnlearnSummary AscentDescent::unlearn(Network& network, const UnlearnTask& task) const {
  check_forget(task);
  const auto retained = retained_examples(task);
  GradientPasses passes(network, task, options_.stepping);
  for (int64_t epoch = 0; epoch < options_.stepping.epochs; ++epoch) {
    if (epoch < options_.ascent_epochs) {
      passes.ascend({task.forget.begin(), task.forget.end()}, options_.forget_batch_size,
                    label_loss);
    }
    passes.run(retained, options_.stepping.batch_size, label_loss);
  }
  return passes.summary();
}

}  // namespace expunge
