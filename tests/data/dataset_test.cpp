// What a data set must be.
#include "expunge/data/dataset.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

Dataset sound_dataset() {
  return {"set",
          torch::zeros({4, 1, 2, 3}, torch::kUInt8),
          torch::tensor({0, 1, 1, 0}, torch::kInt64),
          {"a", "b"}};
}

template <class E = InputError, class Change>
std::string refusal(const Change& change) {
  auto data = sound_dataset();
  change(data);
  return message_of<E>([&] { data.validate("here"); });
}

TEST(Dataset, SoundOnesPass) {
  auto data = sound_dataset();
  data.validate("here");
  data.images = torch::zeros({4, 3, 1, 1});
  data.validate("here");
}

TEST(Dataset, ShapesAndDtypesAreChecked) {
  const std::string images = "here: images (n, C, H, W) of uint8 or float32 required";
  EXPECT_EQ(refusal([](Dataset& d) { d.images.reset(); }), images);
  EXPECT_EQ(refusal([](Dataset& d) { d.images = d.images.squeeze(1); }), images);
  EXPECT_EQ(refusal([](Dataset& d) { d.images = d.images.to(torch::kFloat64); }), images);
  const std::string labels = "here: labels (n) of int64 required";
  EXPECT_EQ(refusal([](Dataset& d) { d.labels.reset(); }), labels);
  EXPECT_EQ(refusal([](Dataset& d) { d.labels = d.labels.unsqueeze(0); }), labels);
  EXPECT_EQ(refusal([](Dataset& d) { d.labels = d.labels.to(torch::kInt32); }), labels);
  EXPECT_EQ(refusal([](Dataset& d) { d.labels = d.labels.narrow(0, 0, 3); }),
            "here: as many labels as images required, got 3 and 4");
}

TEST(Dataset, ExamplesAndClassesAreRequired) {
  EXPECT_EQ(refusal([](Dataset& d) {
              d.images = d.images.narrow(0, 0, 0);
              d.labels = d.labels.narrow(0, 0, 0);
            }),
            "here: at least one image required, got none");
  EXPECT_EQ(refusal([](Dataset& d) { d.class_names = {"a"}; }),
            "here: at least 2 classes required, got 1");
}

TEST(Dataset, LabelsAreOfTheClasses) {
  EXPECT_EQ(refusal([](Dataset& d) { d.labels[2] = 2; }),
            "here: labels from 0 to 1 required, got 2 at example 2");
  EXPECT_EQ(refusal([](Dataset& d) { d.labels[3] = -1; }),
            "here: labels from 0 to 1 required, got -1 at example 3");
}

TEST(Dataset, GroupsAreOfTheirNames) {
  const auto grouped = [](const torch::Tensor& groups) {
    return refusal([&](Dataset& d) {
      d.groups = groups;
      d.group_names = {"p", "q", "r"};
    });
  };
  EXPECT_EQ(grouped(torch::tensor({0, 2, 3, 0}, torch::kInt64)),
            "here: groups from 0 to 2 required, got 3 at example 2");
  EXPECT_EQ(grouped(torch::zeros({3}, torch::kInt64)),
            "here: groups (4) of int64 required, got (3) of Long");
  EXPECT_EQ(grouped(torch::zeros({4}, torch::kInt32)),
            "here: groups (4) of int64 required, got (4) of Int");
  auto data = sound_dataset();
  data.groups = torch::tensor({0, 2, 1, 0}, torch::kInt64);
  data.group_names = {"p", "q", "r"};
  data.validate("here");
}

TEST(Dataset, GroupsGoWithTheirExamples) {
  auto data = sound_dataset();
  data.groups = torch::tensor({0, 2, 1, 0}, torch::kInt64);
  data.group_names = {"p", "q", "r"};
  EXPECT_TRUE(at::equal(first_examples(data, 3, "here").groups, data.groups.narrow(0, 0, 3)));
  EXPECT_TRUE(at::equal(first_of_each_class(data, 1, "here").groups, data.groups.narrow(0, 0, 2)));
  EXPECT_FALSE(first_examples(sound_dataset(), 3, "here").groups.defined());
}

TEST(Dataset, ValuesAreFinite) {
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    EXPECT_EQ(refusal<NonFiniteError>([&](Dataset& d) {
                d.images = torch::zeros({4, 1, 2, 3});
                d.images[3][0][1][2] = value;
              }),
              "here: image 3 has a value that is not finite");
  }
}

}  // namespace
}  // namespace expunge
