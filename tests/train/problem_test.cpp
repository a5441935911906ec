// What training sees of a data set.
#include "expunge/train/problem.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "message_of.h"
#include "train/tiny_problem.h"

namespace expunge {
namespace {

TEST(Problem, NormalisationIsTheTrainingPartsOwn) {
  const auto data = tiny_data(2);
  const auto problem = make_problem(data);
  ASSERT_EQ(problem.n(), 40);
  ASSERT_EQ(problem.m(), 50);
  const auto x = at::cat({data.train.images, data.validation.images}).to(torch::kFloat64) / 255;
  for (int64_t c = 0; c < 2; ++c) {
    const auto train = x.narrow(0, 0, 40).select(1, c);
    const double mean = train.mean().item<double>();
    const double stddev = train.std(false).item<double>();
    EXPECT_FLOAT_EQ(problem.normalisation.mean[static_cast<size_t>(c)], static_cast<float>(mean));
    EXPECT_FLOAT_EQ(problem.normalisation.stddev[static_cast<size_t>(c)],
                    static_cast<float>(stddev));
    const auto expected = (x.select(1, c) - mean) / stddev;
    EXPECT_TRUE(
        torch::allclose(problem.inputs.select(1, c).to(torch::kFloat64), expected, 1e-5, 1e-5));
  }
}

TEST(Problem, ValidationDoesNotReachTraining) {
  auto data = tiny_data();
  const auto before = make_problem(data);
  data.validation.images.fill_(255);
  const auto after = make_problem(data);
  EXPECT_TRUE(torch::equal(before.training.inputs, after.training.inputs));
  EXPECT_EQ(before.normalisation.mean, after.normalisation.mean);
  EXPECT_EQ(before.normalisation.stddev, after.normalisation.stddev);
}

TEST(Problem, TrainingIsTheFirstPartOfTheEvaluationPoints) {
  const auto data = tiny_data(3);
  const auto problem = make_problem(data);
  EXPECT_EQ(problem.training.inputs.data_ptr(), problem.inputs.data_ptr());
  EXPECT_EQ(problem.training.labels.data_ptr(), problem.labels.data_ptr());
  EXPECT_TRUE(torch::equal(problem.training.labels, data.train.labels));
  EXPECT_TRUE(torch::equal(problem.labels.narrow(0, 40, 10), data.validation.labels));
  const auto& shape = problem.shape;
  EXPECT_EQ((std::vector<int64_t>{shape.channels, shape.height, shape.width, shape.classes}),
            (std::vector<int64_t>{3, 4, 4, 3}));
}

TEST(Problem, PixelsOfAllChannelsLieSideBySide) {
  const auto problem = make_problem(tiny_data(3));
  EXPECT_TRUE(problem.inputs.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(problem.training.inputs.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_EQ(problem.inputs.stride(1), 1);
}

TEST(Problem, FingerprintDependsOnTheDataAlone) {
  const auto original = make_problem(tiny_data()).fingerprint;
  EXPECT_EQ(make_problem(tiny_data()).fingerprint, original);
  auto renamed = tiny_data();
  renamed.train.name = "other";
  renamed.train.class_names = {"x", "y", "z"};
  renamed.validation.class_names = {"x", "y", "z"};
  EXPECT_EQ(make_problem(renamed).fingerprint, original);
  auto strided = tiny_data();
  strided.train.images = strided.train.images.clone().contiguous(at::MemoryFormat::ChannelsLast);
  EXPECT_EQ(make_problem(strided).fingerprint, original);
}

TEST(Problem, EveryChangeOfTheDataChangesTheFingerprint) {
  const auto swap_rows = [](const torch::Tensor& x, int64_t a, int64_t b) {
    auto order = torch::arange(x.size(0));
    order[a] = b;
    order[b] = a;
    return x.index_select(0, order);
  };
  const std::vector<std::pair<std::string, std::function<void(DataSplit&)>>> changes = {
      {"nothing", [](DataSplit&) {}},
      {"a training pixel", [](DataSplit& d) { d.train.images[7][0][1][2] += 1; }},
      {"a validation pixel", [](DataSplit& d) { d.validation.images[9][0][3][3] += 1; }},
      {"a training label", [](DataSplit& d) { d.train.labels[0] = 1; }},
      {"a validation label", [](DataSplit& d) { d.validation.labels[0] = 1; }},
      {"the order of two examples of a class",
       [&](DataSplit& d) { d.train.images = swap_rows(d.train.images, 0, 3); }},
      {"one example fewer",
       [](DataSplit& d) { d.validation = first_examples(d.validation, 9, ""); }},
      {"one class more",
       [](DataSplit& d) {
         d.train.class_names.emplace_back("d");
         d.validation.class_names.emplace_back("d");
       }},
      // The same bytes in another form.
      {"2 x 8 pixels",
       [](DataSplit& d) {
         d.train.images = d.train.images.view({40, 1, 2, 8});
         d.validation.images = d.validation.images.view({10, 1, 2, 8});
       }},
      {"8 x 2 pixels",
       [](DataSplit& d) {
         d.train.images = d.train.images.view({40, 1, 8, 2});
         d.validation.images = d.validation.images.view({10, 1, 8, 2});
       }},
      // The same inputs once normalised, by another normalisation.
      {"brightness",
       [](DataSplit& d) {
         d.train.images = d.train.images.to(torch::kFloat32) * (4.0 / 255);
         d.validation.images = d.validation.images.to(torch::kFloat32) * (4.0 / 255);
       }},
      {"brightness by 2",
       [](DataSplit& d) {
         d.train.images = d.train.images.to(torch::kFloat32) * (8.0 / 255);
         d.validation.images = d.validation.images.to(torch::kFloat32) * (8.0 / 255);
       }},
  };
  std::set<std::string> seen;
  for (const auto& [what, change] : changes) {
    auto data = tiny_data();
    change(data);
    EXPECT_TRUE(seen.insert(make_problem(data).fingerprint).second) << what;
  }
}

// The same examples, one of them on the other side of the border between S and V.
TEST(Problem, FingerprintKnowsWhereTrainingEnds) {
  const auto constant = [](int64_t count) {
    auto data = tiny_dataset(count, 1);
    data.images.fill_(9);
    data.labels.fill_(1);
    return data;
  };
  EXPECT_NE(make_problem({constant(30), constant(20)}).fingerprint,
            make_problem({constant(31), constant(19)}).fingerprint);
}

TEST(Problem, PartsThatDoNotFitAreRefused) {
  const auto message = [](const std::function<void(DataSplit&)>& change) {
    auto data = tiny_data();
    change(data);
    return message_of<InputError>([&] { make_problem(data); });
  };
  EXPECT_EQ(message([](DataSplit& d) { d.validation = tiny_dataset(10, 2, 1, 5); }),
            "validation set: images (1, 4, 4) as in the training set required, got (1, 5, 5)");
  EXPECT_EQ(message([](DataSplit& d) { d.validation = tiny_dataset(10, 2, 3); }),
            "validation set: images (1, 4, 4) as in the training set required, got (3, 4, 4)");
  EXPECT_EQ(message([](DataSplit& d) { d.validation.class_names.emplace_back("d"); }),
            "validation set: 3 classes as in the training set required, got 4");
  EXPECT_SAYS(message([](DataSplit& d) { d.train.labels[4] = 3; }),
              "training set: labels from 0 to 2 required, got 3 at example 4");
  EXPECT_SAYS(message([](DataSplit& d) { d.validation.labels = d.train.labels; }),
              "validation set: ");
}

TEST(Problem, TensorsAreUsedAsTheyAre) {
  torch::manual_seed(2);
  const auto inputs = torch::randn({6, 5});
  const auto labels = torch::tensor({0, 1, 2, 0, 1, 2}, torch::kInt64);
  const auto problem = make_problem(inputs, labels, 4, 3);
  EXPECT_EQ(problem.n(), 4);
  EXPECT_EQ(problem.m(), 6);
  EXPECT_EQ(problem.shape.classes, 3);
  EXPECT_TRUE(torch::equal(problem.inputs, inputs));
  EXPECT_TRUE(torch::equal(problem.training.inputs, inputs.narrow(0, 0, 4)));
  EXPECT_TRUE(make_problem(torch::randn({6, 2, 3, 3}), labels, 4, 3)
                  .inputs.is_contiguous(at::MemoryFormat::ChannelsLast));
  for (const auto& other :
       {make_problem(inputs + 1, labels, 4, 3), make_problem(inputs, 2 - labels, 4, 3),
        make_problem(inputs, labels, 3, 3), make_problem(inputs, labels, 4, 4)})
    EXPECT_NE(other.fingerprint, problem.fingerprint);
}

TEST(Problem, TensorsThatAreNoProblemAreRefused) {
  const auto inputs = torch::ones({6, 5});
  const auto labels = torch::tensor({0, 1, 2, 0, 1, 2}, torch::kInt64);
  const auto refuses = [](const std::string& says, auto&&... arguments) {
    EXPECT_NE(message_of<InputError>([&] { make_problem(arguments...); }).find(says),
              std::string::npos)
        << message_of<InputError>([&] { make_problem(arguments...); });
  };
  refuses("inputs: (points, ...) float32 or float64 required, got (6) of Float", torch::ones({6}),
          labels, 4, 3);
  refuses("of Long", inputs.to(torch::kInt64), labels, 4, 3);
  refuses("labels: (6) int64 required, got (6) of Int", inputs, labels.to(torch::kInt32), 4, 3);
  refuses("got (5) of Long", inputs, labels.narrow(0, 0, 5), 4, 3);
  refuses("from 1 to all 6 points required, got 7", inputs, labels, 7, 3);
  refuses("from 0 to 1 required, got 2 for point 2", inputs, labels, 4, 2);
  refuses("at least 2 required, got 1", inputs, labels * 0, 4, 1);
  auto broken = inputs.clone();
  broken[3][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(make_problem(broken, labels, 4, 3), NonFiniteError);
  refuses("at point 3", broken, labels, 4, 3);
}

}  // namespace
}  // namespace expunge
