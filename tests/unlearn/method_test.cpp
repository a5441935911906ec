// Every method on a network that has learnt its examples: each moves it the way that it means to.
#include "expunge/unlearn/method.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/train/ensemble.h"
#include "expunge/train/loss.h"
#include "train/tiny_problem.h"

namespace expunge {
namespace {

class TrainedNetwork : public testing::Test {
 protected:
  TrainedNetwork() {
    recipe_.epochs = 60;
    full_ = train_member({.name = "full", .models = 1, .masks = {}, .excluded = {}}, recipe_,
                         problem_, 0);
  }
  double loss(Network& network, std::span<const int64_t> points) const {
    torch::Tensor inputs;
    torch::Tensor labels;
    gather_rows(problem_.inputs, points, inputs);
    gather_rows(problem_.labels, points, labels);
    const auto logits = evaluate_logits(network, inputs);
    auto unused = torch::empty_like(logits);
    return cross_entropy(logits, labels, unused);
  }
  // From the full model on F, in SCRUB's sense.
  double distance(Network& network) const {
    torch::Tensor inputs;
    gather_rows(problem_.inputs, forget_, inputs);
    const auto logits = evaluate_logits(network, inputs);
    auto unused = torch::empty_like(logits);
    return distillation(logits, evaluate_logits(*full_, inputs), 4, unused);
  }
  MethodOptions options(MethodKind kind) const {
    MethodOptions o;
    o.kind = kind;
    for (auto* stepping : {&o.stepping, &o.gda.stepping, &o.scrub.stepping, &o.relabelling.stepping,
                           &o.bad_teacher.stepping}) {
      stepping->learning_rate = 0.1;
      stepping->epochs = 5;
      stepping->batch_size = 10;
    }
    // Strong ascent: where the teacher is sure of everything, its distance hardly has a gradient.
    o.scrub.stepping.learning_rate = 0.5;
    o.scrub.forget_batch_size = 1;
    o.scrub.gamma = 0.2;
    o.ssd.alpha = 1.5;
    return o;
  }
  UnlearnTask task() const {
    UnlearnTask task{.problem = problem_, .forget = forget_, .targets = {}, .seed = 3};
    task.targets = evaluate_logits(*full_, problem_.inputs).clone();
    for (const int64_t i : forget_) task.targets[i] = task.targets[i].flip({0});
    return task;
  }

  Recipe recipe_ = tiny_recipe();
  Problem problem_ = tiny_problem();
  std::vector<int64_t> forget_ = {3, 16, 22};
  std::unique_ptr<Network> full_;
};

class Methods : public TrainedNetwork,
                public testing::WithParamInterface<std::pair<std::string, MethodKind>> {};

TEST_P(Methods, MovesTheNetworkTheWayThatItMeansTo) {
  const auto kind = GetParam().second;
  const auto unlearner = make_unlearner(options(kind), recipe_);
  auto network = full_->clone();
  auto request = task();
  int observed = 0;
  double last = 0;
  request.after_pass = [&](Network& seen, double sample_gradients) {
    EXPECT_EQ(&seen, network.get());
    EXPECT_GE(sample_gradients, last);
    last = sample_gradients;
    ++observed;
  };
  const auto summary = unlearner->unlearn(*network, request);
  EXPECT_GT(observed, 0);
  const double change = (network->parameters() - full_->parameters()).norm().item<double>();
  if (kind == MethodKind::do_nothing) {
    EXPECT_EQ(change, 0);
    EXPECT_EQ(summary.sample_gradients, 0);
    return;
  }
  EXPECT_GT(change, 1e-3);
  EXPECT_GT(summary.sample_gradients, 0);
  std::vector<int64_t> retained;
  for (int64_t i = 0; i < 40; ++i) {
    if (std::find(forget_.begin(), forget_.end(), i) == forget_.end()) retained.push_back(i);
  }
  if (kind == MethodKind::gradient_descent) {
    EXPECT_LT(loss(*network, retained), loss(*full_, retained));
  } else if (kind == MethodKind::gda || kind == MethodKind::scrub) {
    // Descent on the rest moves F too: what counts is what ascent adds. SCRUB's leaves the teacher,
    // in whichever direction descent has begun to.
    auto without = options(kind);
    without.gda.ascent_epochs = 0;
    without.scrub.ascent_epochs = 0;
    auto descended = full_->clone();
    make_unlearner(without, recipe_)->unlearn(*descended, task());
    if (kind == MethodKind::gda) {
      EXPECT_GT(loss(*network, forget_), 1.01 * loss(*descended, forget_));
    } else {
      EXPECT_GT(distance(*network), 1.01 * distance(*descended));
    }
  } else if (kind != MethodKind::retraining) {
    EXPECT_GT(loss(*network, forget_), 1.05 * loss(*full_, forget_));
  }
}

TEST_P(Methods, IsTheSameForTheSameSeed) {
  const auto unlearner = make_unlearner(options(GetParam().second), recipe_);
  const auto run = [&](uint64_t seed) {
    auto network = full_->clone();
    auto request = task();
    request.seed = seed;
    unlearner->unlearn(*network, request);
    return network->parameters().clone();
  };
  EXPECT_TRUE(torch::equal(run(7), run(7)));
  const auto kind = GetParam().second;
  const bool draws = kind != MethodKind::do_nothing && kind != MethodKind::ssd &&
                     kind != MethodKind::gradient_ascent &&  // one batch: order does not matter
                     kind != MethodKind::matching;           // all of R is drawn
  if (draws) {
    EXPECT_FALSE(torch::equal(run(7), run(8)));
  }
}

TEST_P(Methods, HasItsOwnOptions) {
  auto o = options(GetParam().second);
  for (const auto& field : options_of(o).fields()) {
    EXPECT_FALSE(field.help.empty()) << field.name;
    EXPECT_NO_THROW(field.set(field.get())) << field.name;
  }
}

TEST_P(Methods, RefusesToForgetEverythingAndNothing) {
  const auto unlearner = make_unlearner(options(GetParam().second), recipe_);
  auto request = task();
  std::vector<int64_t> all;
  for (int64_t i = 0; i < 40; ++i) all.push_back(i);
  auto network = full_->clone();
  request.forget = all;
  EXPECT_THROW(unlearner->unlearn(*network, request), InputError);
  request.forget = {};
  EXPECT_THROW(unlearner->unlearn(*network, request), InputError);
}

INSTANTIATE_TEST_SUITE_P(Kinds, Methods, testing::ValuesIn(method_kinds()),
                         [](const auto& instance) { return instance.param.first; });

TEST_F(TrainedNetwork, RetrainingDoesNotDependOnTheModelThatItIsGiven) {
  const auto unlearner = make_unlearner(options(MethodKind::retraining), recipe_);
  auto a = full_->clone();
  auto b = full_->clone();
  b->parameters().zero_();
  const auto summary = unlearner->unlearn(*a, task());
  unlearner->unlearn(*b, task());
  EXPECT_TRUE(torch::equal(a->parameters(), b->parameters()));
  EXPECT_EQ(summary.sample_gradients, 37 * 60);
}

}  // namespace
}  // namespace expunge
