// What the rows of an ensemble depend on.
#include "expunge/train/ensemble.h"

#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "train/store_files.h"
#include "train/tiny_ensemble.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

TEST(Ensemble, RowsDoNotDependOnTheNumberOfWorkers) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  train_ensemble(folder / "1", tiny_spec(12), tiny_recipe(), problem, 1);
  const auto one = arrays_and_weights(folder / "1");
  ASSERT_EQ(one.size(), 3U + 12U);
  for (const int64_t workers : {2, 3}) {
    const auto path = folder / fmt::format("{}", workers);
    train_ensemble(path, tiny_spec(12), tiny_recipe(), problem, workers);
    expect_same_files(one, arrays_and_weights(path));
  }
}

TEST(Ensemble, RowsOfAConvolutionalNetworkDoNotDependOnTheNumberOfWorkers) {
  const ScratchFolder folder;
  const auto problem = make_problem(tiny_data(2, 8));
  auto recipe = tiny_recipe();
  recipe.network.kind = NetworkKind::convnet;
  recipe.network.width = 0.125;
  train_ensemble(folder / "1", tiny_spec(4), recipe, problem, 1);
  train_ensemble(folder / "3", tiny_spec(4), recipe, problem, 3);
  expect_same_files(arrays_and_weights(folder / "1"), arrays_and_weights(folder / "3"));
}

TEST(Ensemble, ARowDoesNotDependOnTheOthers) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  const auto few = train_ensemble(folder / "3", tiny_spec(3), tiny_recipe(), problem);
  const auto many = train_ensemble(folder / "7", tiny_spec(7), tiny_recipe(), problem);
  EXPECT_TRUE(torch::equal(few.masks(), many.masks().narrow(0, 0, 3)));
  EXPECT_TRUE(torch::equal(few.logits(), many.logits().narrow(0, 0, 3)));
  for (int64_t row = 0; row < 3; ++row)
    EXPECT_EQ(read_file(few.weights_path(row)), read_file(many.weights_path(row)));
}

TEST(Ensemble, NoTwoModelsAreAlike) {
  const ScratchFolder folder;
  auto spec = tiny_spec(6);
  spec.masks.reset();  // then nothing but the seed tells them apart
  const auto a = train_ensemble(folder / "a", spec, tiny_recipe(), tiny_problem()).logits();
  spec.name = "other";
  const auto b = train_ensemble(folder / "b", spec, tiny_recipe(), tiny_problem()).logits();
  spec.seed = 4;
  const auto c = train_ensemble(folder / "c", spec, tiny_recipe(), tiny_problem()).logits();
  const auto all = at::cat({a, b, c});
  for (int64_t i = 0; i < all.size(0); ++i) {
    for (int64_t j = 0; j < i; ++j) EXPECT_FALSE(torch::equal(all[i], all[j])) << i << " " << j;
  }
}

TEST(Ensemble, MasksCanBeThoseOfAnother) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  auto spec = tiny_spec(5);
  const auto first = train_ensemble(folder / "first", spec, tiny_recipe(), problem);
  spec.masks_of = spec.name;
  spec.name = "again";
  const auto again = train_ensemble(folder / "again", spec, tiny_recipe(), problem);
  EXPECT_TRUE(torch::equal(first.masks(), again.masks()));
  EXPECT_FALSE(torch::equal(first.logits()[0], again.logits()[0]));
  spec.masks_of = {};
  const auto own = train_ensemble(folder / "own", spec, tiny_recipe(), problem);
  EXPECT_FALSE(torch::equal(first.masks(), own.masks()));
}

TEST(Ensemble, MasksAreThoseOfTheSpec) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  auto spec = tiny_spec(5);
  const auto subset = train_ensemble(folder / "subset", spec, tiny_recipe(), problem);
  // Balanced masks: the five models leave every example out once.
  EXPECT_TRUE(torch::logical_not(subset.masks()).sum(0).eq(1).all().item<bool>());
  spec.masks.reset();
  spec.name = "full";
  EXPECT_TRUE(
      train_ensemble(folder / "full", spec, tiny_recipe(), problem).masks().all().item<bool>());
  spec.name = "oracle";
  spec.excluded = {7, 3};
  auto expected = torch::ones({5, 40}, torch::kBool);
  expected.index_fill_(1, torch::tensor({3, 7}), false);
  EXPECT_TRUE(torch::equal(train_ensemble(folder / "oracle", spec, tiny_recipe(), problem).masks(),
                           expected));
}

TEST(Ensemble, WeightsLoadAgainAndReproduceTheStoredLogits) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  for (const auto dtype : {DtypeKind::float32, DtypeKind::float64}) {
    for (const auto stored : {torch::kFloat32, torch::kFloat16}) {
      const auto path = folder / fmt::format("{}-{}", static_cast<int>(dtype), toString(stored));
      auto spec = tiny_spec(3);
      spec.logits_dtype = stored;
      auto recipe = tiny_recipe();
      recipe.network.dtype = dtype;
      train_ensemble(path, spec, recipe, problem);
      const auto store = EnsembleStore::open(path);
      const auto logits = store.logits();
      EXPECT_EQ(logits.scalar_type(), stored);
      for (int64_t row = 0; row < 3; ++row) {
        const auto model = store.model(row);
        const auto x = problem.inputs.to(model.network->parameters().scalar_type());
        EXPECT_TRUE(torch::equal(evaluate_logits(*model.network, x).to(stored), logits[row]));
      }
    }
  }
}

// The examples are there, but what they hold is no number, and their labels are others'.
Problem poisoned(const Problem& problem, const torch::Tensor& mask) {
  Problem bad = problem;
  bad.training.inputs = problem.training.inputs.clone();
  bad.training.labels = problem.training.labels.clone();
  for (int64_t i = 0; i < mask.numel(); ++i) {
    if (mask[i].item<bool>()) continue;
    bad.training.inputs[i].fill_(std::numeric_limits<float>::quiet_NaN());
    bad.training.labels[i] = (problem.training.labels[i] + 1) % 3;
  }
  return bad;
}

TEST(Ensemble, ExcludedExamplesHaveNoInfluence) {
  const ScratchFolder folder;
  const auto problem = tiny_problem();
  auto spec = tiny_spec(4);
  spec.masks.reset();
  spec.excluded = {39, 0, 17};
  train_ensemble(folder / "sound", spec, tiny_recipe(), problem);
  train_ensemble(folder / "poisoned", spec, tiny_recipe(),
                 poisoned(problem, model_mask(spec, 40, 0)));
  expect_same_files(arrays_and_weights(folder / "sound"), arrays_and_weights(folder / "poisoned"));
}

TEST(Ensemble, ExamplesThatAMaskLeavesOutHaveNoInfluence) {
  const auto problem = tiny_problem();
  for (const std::string scheme : {"balanced", "independent"}) {
    auto spec = tiny_spec(5);
    spec.masks->scheme = scheme;
    for (int64_t row = 0; row < spec.models; ++row) {
      const auto bad = poisoned(problem, model_mask(spec, 40, row));
      EXPECT_TRUE(torch::equal(train_member(spec, tiny_recipe(), bad, row)->parameters(),
                               train_member(spec, tiny_recipe(), problem, row)->parameters()));
    }
  }
}

TEST(Ensemble, EveryExampleThatAModelSeesHasInfluence) {
  const auto problem = tiny_problem();
  const auto spec = tiny_spec(1);
  const auto sound = train_member(spec, tiny_recipe(), problem, 0)->parameters().clone();
  const auto mask = model_mask(spec, 40, 0);
  for (int64_t i = 0; i < 40; ++i) {
    Problem changed = problem;
    changed.training.inputs = problem.training.inputs.clone();
    changed.training.inputs[i] += 0.5;
    const auto other = train_member(spec, tiny_recipe(), changed, 0)->parameters();
    EXPECT_EQ(torch::equal(other, sound), !mask[i].item<bool>()) << i;
  }
}

TEST(Ensemble, DivergenceNamesEnsembleModelAndStep) {
  const ScratchFolder folder;
  auto recipe = tiny_recipe();
  recipe.schedule.peak_learning_rate = 1e30;
  const auto message = message_of<NonFiniteError>(
      [&] { train_ensemble(folder / "a", tiny_spec(3), recipe, tiny_problem(), 1); });
  // 32 of 40 examples, 10 a batch, 2 epochs.
  EXPECT_EQ(message.rfind("ensemble subset, model 0: training diverged: loss ", 0), 0U) << message;
  EXPECT_SAYS(message, " of 8");
  EXPECT_EQ(EnsembleStore::open(folder / "a").completed(), std::vector<bool>(3, false));
}

TEST(Ensemble, LogitsTooLargeForTheStoreNameEnsembleModelAndPoint) {
  const ScratchFolder folder;
  auto spec = tiny_spec(2);
  spec.logits_dtype = torch::kFloat16;
  auto problem = tiny_problem();
  problem.inputs = problem.inputs.clone();
  problem.inputs[45] *= 1e7;
  const auto message = message_of<NonFiniteError>(
      [&] { train_ensemble(folder / "a", spec, tiny_recipe(), problem, 1); });
  EXPECT_SAYS(message,
              "ensemble subset, model 0: store row 0: a logit that is finite as float16 "
              "required, got ");
  EXPECT_SAYS(message, "(evaluation point 45, class ");
}

TEST(Ensemble, WhatCannotBeTrainedLeavesNoStore) {
  const ScratchFolder folder;
  const auto refusal = [&](auto&& change) {
    return message_of<Error>([&] {
      auto spec = tiny_spec(3);
      auto recipe = tiny_recipe();
      change(spec, recipe);
      train_ensemble(folder / "a", spec, recipe, tiny_problem());
    });
  };
  EXPECT_EQ(refusal([](auto& s, auto&) { s.models = 0; }),
            "ensemble subset: at least 1 model required, got 0");
  EXPECT_EQ(refusal([](auto& s, auto&) { s.excluded = {1}; }),
            "ensemble subset: masks or excluded examples required, got both");
  const auto excluded = [](std::vector<int64_t> indices) {
    return [indices](auto& s, auto&) {
      s.masks.reset();
      s.excluded = indices;
    };
  };
  EXPECT_SAYS(refusal(excluded({40})), "ensemble subset, excluded: an index from 0 to 39 required");
  EXPECT_EQ(refusal(excluded({4, 4})), "ensemble subset, excluded: index 4 is there twice");
  EXPECT_SAYS(refusal([](auto& s, auto&) { s.masks->alpha = 0.7; }), "option alpha: ");
  EXPECT_SAYS(refusal([](auto& s, auto&) { s.masks->alpha = 1 - 1.0 / 41; }),
              "masks: at least 41 training examples required");
  EXPECT_SAYS(refusal([](auto&, auto& r) { r.epochs = 0; }), "option epochs: ");
  EXPECT_FALSE(fs::exists(folder / "a"));
}

TEST(Ensemble, AnotherEnsembleIsRefusedNamingTheFirstSettingThatDiffers) {
  const ScratchFolder folder;
  const auto path = folder / "a";
  const auto problem = tiny_problem();
  train_ensemble(path, tiny_spec(2), tiny_recipe(), problem);
  const auto before = arrays_and_weights(path);
  const auto refuses = [&](auto&& change, const std::string& difference) {
    auto spec = tiny_spec(2);
    auto recipe = tiny_recipe();
    auto other = problem;
    change(spec, recipe, other);
    EXPECT_EQ(message_of<InputError>([&] { train_ensemble(path, spec, recipe, other); }),
              path.string() + ": holds another ensemble (" + difference +
                  "); choose another folder or remove this one");
  };
  refuses([](auto& s, auto&, auto&) { s.name = "x"; }, "name is \"subset\" there and \"x\" now");
  refuses([](auto& s, auto&, auto&) { s.models = 3; }, "models is 2 there and 3 now");
  refuses([](auto& s, auto&, auto&) { s.logits_dtype = torch::kFloat16; },
          "logits_dtype is \"float32\" there and \"float16\" now");
  refuses([](auto& s, auto&, auto&) { s.weights = false; }, "weights is true there and false now");
  refuses([](auto& s, auto&, auto&) { s.seed = 4; }, "seed is \"3\" there and \"4\" now");
  refuses([](auto& s, auto&, auto&) { s.masks->alpha = 0.75; },
          "masks.alpha is \"0.8\" there and \"0.75\" now");
  refuses([](auto& s, auto&, auto&) { s.masks.reset(); },
          "masks.alpha is \"0.8\" there and not set now");
  refuses(
      [](auto& s, auto&, auto&) {
        s.masks.reset();
        s.excluded = {5, 2};
      },
      "excluded is not set there and \"[2, 5]\" now");
  refuses([](auto&, auto& r, auto&) { r.epochs = 3; },
          "recipe.epochs is \"2\" there and \"3\" now");
  refuses(
      [](auto&, auto& r, auto&) {
        r.network.hidden = {8, 8};
      },
      "recipe.hidden is \"[8]\" there and \"[8, 8]\" now");
  refuses(
      [](auto&, auto& r, auto&) {
        r.epochs = 3;
        r.batch_size = 5;
      },
      "recipe.batch_size is \"10\" there and \"5\" now");  // the first by name
  auto data = tiny_data();
  data.train.labels[0] = 1;
  const auto relabelled = make_problem(data);
  refuses(
      [&](auto&, auto&, auto& p) { p = relabelled; },
      "data is \"" + problem.fingerprint + "\" there and \"" + relabelled.fingerprint + "\" now");
  data.validation = first_examples(data.validation, 9, "");
  refuses([&](auto&, auto&, auto& p) { p = make_problem(data); },
          "evaluation_points is 50 there and 49 now");
  expect_same_files(before, arrays_and_weights(path));
}

TEST(Ensemble, TheOrderOfExcludedExamplesDoesNotMatter) {
  const ScratchFolder folder;
  auto spec = tiny_spec(2);
  spec.masks.reset();
  spec.excluded = {5, 2, 9};
  train_ensemble(folder / "a", spec, tiny_recipe(), tiny_problem());
  const auto before = arrays_and_weights(folder / "a");
  spec.excluded = {9, 5, 2};
  train_ensemble(folder / "a", spec, tiny_recipe(), tiny_problem());
  train_ensemble(folder / "b", spec, tiny_recipe(), tiny_problem());
  expect_same_files(before, arrays_and_weights(folder / "a"));
  expect_same_files(before, arrays_and_weights(folder / "b"));
}

}  // namespace
}  // namespace expunge
