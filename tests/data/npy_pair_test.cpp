// Data sets of NumPy arrays: every form that is taken, and what is not.
#include "expunge/data/npy_pair.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// 4 training and 2 validation images of 2 x 3 pixels, classes 0 to 2.
class NpyPair : public testing::Test {
 protected:
  NpyPair() {
    put("train_images.npy", torch::arange(24).view({4, 2, 3}).to(torch::kUInt8));
    put("train_labels.npy", torch::tensor({0, 1, 2, 1}, torch::kInt64));
    put("val_images.npy", torch::arange(100, 112).view({2, 2, 3}).to(torch::kUInt8));
    put("val_labels.npy", torch::tensor({1, 0}, torch::kInt64));
  }
  void put(const std::string& name, const torch::Tensor& array) {
    write_npy(folder_ / name, array);
  }
  DataSplit read() const { return read_npy_pairs(folder_.path()); }
  template <class E = InputError>
  std::string refusal() const {
    return message_of<E>([&] { read(); });
  }
  std::string path_of(const std::string& name) const { return (folder_ / name).string(); }
  ScratchFolder folder_;
};

TEST_F(NpyPair, EveryShapeOfImagesIsTaken) {
  const auto flat = torch::arange(48).to(torch::kUInt8);
  const std::vector<std::pair<std::vector<int64_t>, std::vector<int64_t>>> shapes = {
      {{4, 12}, {4, 1, 1, 12}}, {{4, 3, 4}, {4, 1, 3, 4}}, {{4, 3, 2, 2}, {4, 3, 2, 2}}};
  for (const auto& [stored, read_as] : shapes) {
    put("train_images.npy", flat.view(stored));
    const auto images = read().train.images;
    EXPECT_EQ(images.sizes(), at::IntArrayRef(read_as));
    EXPECT_TRUE(torch::equal(images.flatten(), flat));
  }
  put("train_images.npy", flat);
  EXPECT_EQ(refusal(), path_of("train_images.npy") +
                           ": images (n, d), (n, H, W) or (n, C, H, W) required, got (48)");
  put("train_images.npy", flat.view({4, 1, 3, 2, 2}));
  EXPECT_SAYS(refusal(), "required, got (4, 1, 3, 2, 2)");
}

TEST_F(NpyPair, BytesAndFloatsAreTaken) {
  EXPECT_EQ(read().train.images.scalar_type(), torch::kUInt8);
  const auto values = torch::linspace(-1, 1, 24).view({4, 2, 3});
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    put("train_images.npy", values.to(dtype));
    const auto images = read().train.images;
    EXPECT_EQ(images.scalar_type(), torch::kFloat32);
    EXPECT_TRUE(torch::equal(images.flatten(), values.flatten()));
  }
  for (const auto dtype : {torch::kInt64, torch::kInt8, torch::kFloat16, torch::kBool}) {
    put("train_images.npy", torch::ones({4, 2, 3}, dtype));
    EXPECT_EQ(refusal(), path_of("train_images.npy") +
                             ": images of uint8 or float32 required, got " + toString(dtype));
  }
}

TEST_F(NpyPair, LabelsOfEveryWholeDtypeAreTaken) {
  const auto labels = torch::tensor({0, 1, 2, 1}, torch::kInt64);
  for (const auto dtype :
       {torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32, torch::kInt64}) {
    put("train_labels.npy", labels.to(dtype));
    EXPECT_TRUE(torch::equal(read().train.labels, labels)) << toString(dtype);
  }
  const auto refused = [&](const torch::Tensor& wrong, const std::string& got) {
    put("train_labels.npy", wrong);
    EXPECT_EQ(refusal(),
              path_of("train_labels.npy") + ": labels (n) of whole numbers required, got " + got);
  };
  refused(labels.to(torch::kFloat32), "(4) of Float");
  refused(labels.to(torch::kBool), "(4) of Bool");
  refused(labels.unsqueeze(1), "(4, 1) of Long");
}

TEST_F(NpyPair, ClassesAreThoseOfBothParts) {
  const auto data = read();
  EXPECT_EQ(data.train.class_names, (Names{"0", "1", "2"}));
  EXPECT_EQ(data.validation.class_names, (Names{"0", "1", "2"}));
  put("val_labels.npy", torch::tensor({1, 4}, torch::kInt64));
  EXPECT_EQ(read().train.classes(), 5);
}

TEST_F(NpyPair, ClassesMayHaveNames) {
  for (const std::string text : {"ant\nbee\ncat\n", "ant\r\nbee\r\ncat\r\n", "ant\nbee\n\ncat"}) {
    put_file(folder_ / "class_names.txt", text);
    EXPECT_EQ(read().train.class_names, (Names{"ant", "bee", "cat"}));
    EXPECT_EQ(read().validation.class_names, (Names{"ant", "bee", "cat"}));
  }
  put_file(folder_ / "class_names.txt", "ant\nbee\n");
  EXPECT_EQ(refusal(),
            path_of("train_images.npy") + ": labels from 0 to 1 required, got 2 at example 2");
}

TEST_F(NpyPair, AsManyLabelsAsImagesAreRequired) {
  put("val_labels.npy", torch::tensor({1, 0, 1}, torch::kInt64));
  EXPECT_EQ(refusal(),
            path_of("val_images.npy") + ": as many labels as images required, got 3 and 2");
}

TEST_F(NpyPair, NegativeLabelsAreRefused) {
  put("train_labels.npy", torch::tensor({0, 1, -1, 1}, torch::kInt8));
  EXPECT_EQ(refusal(),
            path_of("train_images.npy") + ": labels from 0 to 1 required, got -1 at example 2");
  put("train_labels.npy", torch::full({4}, -3, torch::kInt64));
  put("val_labels.npy", torch::full({2}, -3, torch::kInt64));
  EXPECT_SAYS(refusal(), "labels from 0 to 1 required, got -3 at example 0");
}

// A name is made for each class, so their number has a limit.
TEST_F(NpyPair, LabelsThatAreNoClassNumbersAreRefused) {
  for (const int64_t label : {int64_t{1'000'000}, std::numeric_limits<int64_t>::max()}) {
    put("val_labels.npy", torch::full({2}, label, torch::kInt64));
    EXPECT_EQ(refusal(), fmt::format("{}: labels below 1000000 required, got {}",
                                     folder_.path().string(), label));
  }
}

TEST_F(NpyPair, ValuesMustBeFinite) {
  for (const double value :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 1e300}) {
    auto images = torch::zeros({4, 2, 3}, torch::kFloat64);
    images[2][1][0] = value;
    put("train_images.npy", images);
    EXPECT_EQ(refusal<NonFiniteError>(),
              path_of("train_images.npy") + ": image 2 has a value that is not finite");
  }
}

TEST_F(NpyPair, NoExampleIsRefused) {
  put("val_images.npy", torch::zeros({0, 2, 3}, torch::kUInt8));
  put("val_labels.npy", torch::zeros({0}, torch::kInt64));
  EXPECT_EQ(refusal(), path_of("val_images.npy") + ": at least one image required, got none");
}

TEST_F(NpyPair, TruncatedAndMissingFilesAreNamed) {
  for (const std::string name :
       {"train_images.npy", "train_labels.npy", "val_images.npy", "val_labels.npy"}) {
    const auto bytes = read_file(folder_ / name);
    put_file(folder_ / name, bytes.substr(0, bytes.size() - 1));
    EXPECT_SAYS(refusal(), path_of(name));
    fs::remove(folder_ / name);
    EXPECT_EQ(refusal<SystemError>(),
              path_of(name) + ": cannot be opened: No such file or directory");
    put_file(folder_ / name, bytes);
  }
}

TEST_F(NpyPair, PartsAreNamedAfterTheFolder) {
  const auto name = folder_.path().filename().string();
  EXPECT_EQ(read().train.name, name + ", train");
  EXPECT_EQ(read_npy_pairs(folder_.path() / "").validation.name, name + ", val");
}

}  // namespace
}  // namespace expunge
