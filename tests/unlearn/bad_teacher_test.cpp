// Bad-T against a step written out for a linear network.
#include "expunge/unlearn/bad_teacher.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "unlearn/linear_task.h"

namespace expunge {
namespace {

const NetworkOptions kLinear{.hidden = {}, .dtype = DtypeKind::float64};

BadTeacherOptions bad_teacher_on_whole_sets(int64_t epochs, double retain_share) {
  BadTeacherOptions options;
  options.retain_share = retain_share;
  options.temperature = 2;
  options.stepping.learning_rate = 0.3;
  options.stepping.epochs = epochs;
  options.stepping.batch_size = 100;
  options.stepping.optimiser = {.momentum = 0, .nesterov = false, .weight_decay = 0};
  return options;
}

TEST(BadTeacher, StepsTowardsTheFreshNetworkOnForgetAndTheFullModelOnRetain) {
  LinearTask f;
  const auto full = f.weights();
  auto w = full;
  const auto summary = BadTeacher(bad_teacher_on_whole_sets(2, 1), kLinear).unlearn(*f.network, f.task());

  LinearTask fresh;
  fresh.network->initialise(derive_seed(5, "bad teacher", 0));
  const auto bad = fresh.weights();
  const auto x = f.design().narrow(0, 0, 30);
  auto teacher = x.matmul(full.t());
  for (const int64_t i : f.forget) teacher[i] = x[i].matmul(bad.t());
  for (int step = 0; step < 2; ++step) {
    const auto difference = (x.matmul(w.t()) / 2).softmax(1) - (teacher / 2).softmax(1);
    w = w - 0.3 * (2 * difference.t().matmul(x) / 30);
  }
  EXPECT_TRUE(torch::allclose(f.weights(), w, 0, 1e-12));
  EXPECT_NEAR(summary.sample_gradients, 2 * 30 * (4.0 / 3), 1e-9);
}

TEST(BadTeacher, ItsShareOfTheRetainSetIsDrawn) {
  LinearTask f;
  const auto summary = BadTeacher(bad_teacher_on_whole_sets(1, 0.5), kLinear).unlearn(*f.network, f.task());
  EXPECT_NEAR(summary.sample_gradients, (2 + 14) * (4.0 / 3), 1e-9);
}

TEST(BadTeacher, OptionsOutOfRangeAreRefused) {
  EXPECT_THROW(BadTeacher(bad_teacher_on_whole_sets(0, 1), kLinear), OptionError);
  EXPECT_THROW(BadTeacher(bad_teacher_on_whole_sets(1, -1), kLinear), OptionError);
}

}  // namespace
}  // namespace expunge
