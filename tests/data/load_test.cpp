// One set of options for all formats.
#include "expunge/data/load.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "data/idx_files.h"
#include "data/picture_files.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"

namespace expunge {
namespace {

using namespace std::string_literals;
using Values = std::vector<int64_t>;

// IDX files with labels 0 1 2 0 1 2 0 1 and 2 1 0 0; image i holds 6 i ... 6 i + 5.
class Load : public testing::Test {
 protected:
  Load() {
    write_idx_part(folder_.path(), "train", "\0\1\2\0\1\2\0\1"s);
    write_idx_part(folder_.path(), "t10k", "\2\1\0\0"s);
    options_.path = folder_.path().string();
    options_.train_examples = options_.validation_examples = 0;
  }
  std::string refusal() {
    return message_of<InputError>([&] { load_data(options_); });
  }
  // Which images of the files they are.
  static Values ids_of(const Dataset& data) {
    Values ids;
    for (int64_t i = 0; i < data.size(); ++i)
      ids.push_back(data.images[i].flatten()[0].item<int64_t>() / 6);
    return ids;
  }
  static Values labels_of(const Dataset& data) {
    return {data.labels.data_ptr<int64_t>(), data.labels.data_ptr<int64_t>() + data.size()};
  }
  ScratchFolder folder_;
  DataOptions options_;
};

TEST_F(Load, ZeroTakesAllExamples) {
  const auto data = load_data(options_);
  EXPECT_EQ(ids_of(data.train), (Values{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(ids_of(data.validation), (Values{0, 1, 2, 3}));
}

TEST_F(Load, TheFirstExamplesAreTaken) {
  options_.train_examples = 5;
  options_.validation_examples = 1;
  const auto data = load_data(options_);
  EXPECT_EQ(ids_of(data.train), (Values{0, 1, 2, 3, 4}));
  EXPECT_EQ(labels_of(data.train), (Values{0, 1, 2, 0, 1}));
  EXPECT_EQ(ids_of(data.validation), Values{0});
  EXPECT_EQ(labels_of(data.validation), Values{2});
  EXPECT_EQ(data.train.images.numel(), 5 * 6);
}

TEST_F(Load, TheFirstOfEachClassAreTakenInTheFilesOrder) {
  options_.train_examples = 3;  // without effect
  options_.train_per_class = 2;
  options_.validation_per_class = 1;
  const auto data = load_data(options_);
  EXPECT_EQ(ids_of(data.train), (Values{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(ids_of(data.validation), (Values{0, 1, 2}));
  EXPECT_EQ(labels_of(data.validation), (Values{2, 1, 0}));
  options_.train_per_class = 1;
  EXPECT_EQ(labels_of(load_data(options_).train), (Values{0, 1, 2}));
}

TEST_F(Load, MoreThanThereAreIsRefused) {
  const auto name = folder_.path().filename().string();
  options_.train_examples = 9;
  EXPECT_EQ(refusal(), name + ", train: 9 examples required, got 8");
  options_.train_examples = 8;
  options_.validation_examples = 5;
  EXPECT_EQ(refusal(), name + ", t10k: 5 examples required, got 4");
  options_.validation_per_class = 2;
  EXPECT_EQ(refusal(), name + ", t10k: 2 examples of each class required, class 1 has 1");
}

TEST_F(Load, ImagesAreShrunk) {
  write_idx_part(folder_.path(), "train", "\0\1\2\0\1\2\0\1"s, 4, 6);
  write_idx_part(folder_.path(), "t10k", "\2\1\0\0"s, 4, 6);
  options_.downscale = 2;
  const auto data = load_data(options_);
  EXPECT_EQ(data.train.images.sizes(), at::IntArrayRef({8, 1, 2, 3}));
  EXPECT_EQ(data.validation.images.sizes(), at::IntArrayRef({4, 1, 2, 3}));
  // 0 1 6 7 have the mean 3.5, which goes to the even neighbour.
  EXPECT_EQ(data.train.images[0][0][0][0].item<int>(), 4);
  options_.downscale = 3;
  EXPECT_EQ(refusal(), folder_.path().filename().string() +
                           ", train: a downscale factor that divides 4 x 6 pixels required, got 3");
}

// A part may lack the last class.
TEST_F(Load, ClassesOfIdxFilesAreThoseOfBothParts) {
  write_idx_part(folder_.path(), "t10k", "\0\1\0\0"s);
  const auto data = load_data(options_);
  EXPECT_EQ(data.validation.class_names, (std::vector<std::string>{"0", "1", "2"}));
  write_idx_part(folder_.path(), "t10k", "\4\1\0\0"s);
  EXPECT_EQ(load_data(options_).train.classes(), 5);
}

TEST_F(Load, PartsOfDifferentSizesAreRefused) {
  write_idx_part(folder_.path(), "t10k", "\2\1\0\0"s, 3, 2);
  EXPECT_EQ(refusal(), folder_.path().string() +
                           ": training and validation images of one size required, got (1, 2, 3) "
                           "and (1, 3, 2)");
}

TEST_F(Load, PartsOfDifferentDtypesAreRefused) {
  options_.format = DataFormat::npy;
  write_npy(folder_ / "train_images.npy", torch::zeros({3, 2, 2}));
  write_npy(folder_ / "val_images.npy", torch::zeros({3, 2, 2}, torch::kUInt8));
  for (const std::string part : {"train", "val"})
    write_npy(folder_ / (part + "_labels.npy"), torch::tensor({0, 1, 1}, torch::kInt64));
  EXPECT_EQ(refusal(),
            folder_.path().string() + ": training and validation images of one dtype required");
}

class LoadFolder : public Load {
 protected:
  LoadFolder() {
    options_.format = DataFormat::folder;
    const auto picture = [](int value) { return plain_png(value, 1, 4, 4); };
    for (int i = 0; i < 3; ++i) {
      put_file(folder_ / fmt::format("train/a/{}.png", i), picture(6 * i));
      put_file(folder_ / fmt::format("train/b/{}.png", i), picture(6 * (3 + i)));
    }
    put_file(folder_ / "test/a/0.png", picture(6));
    put_file(folder_ / "test/b/0.png", picture(12));
  }
};

TEST_F(LoadFolder, EveryOptionMeansTheSame) {
  EXPECT_EQ(ids_of(load_data(options_).train), (Values{0, 1, 2, 3, 4, 5}));
  options_.train_per_class = 2;
  options_.validation_per_class = 1;
  options_.downscale = 2;
  const auto data = load_data(options_);
  EXPECT_EQ(ids_of(data.train), (Values{0, 1, 3, 4}));
  EXPECT_EQ(ids_of(data.validation), (Values{1, 2}));
  EXPECT_EQ(data.train.images.sizes(), at::IntArrayRef({4, 1, 2, 2}));  // shrunk once
  options_.train_per_class = options_.validation_per_class = 0;
  options_.train_examples = 4;
  EXPECT_EQ(ids_of(load_data(options_).train), (Values{0, 1, 2, 3}));
}

TEST_F(LoadFolder, PartsOfOtherClassesAreRefused) {
  std::filesystem::rename(folder_ / "test" / "b", folder_ / "test" / "c");
  EXPECT_EQ(refusal(), folder_.path().string() +
                           ": the same classes required in training and validation, got 2 and 2 of "
                           "other names");
}

TEST_F(Load, OptionsOutOfRangeAreRefused) {
  const auto message = [&](auto&& change) {
    return message_of<OptionError>([&] {
      DataOptions options = options_;
      change(options);
      load_data(options);
    });
  };
  const std::string whole = ": a whole number of at least 0 required, got -1";
  EXPECT_EQ(message([](auto& o) { o.train_examples = -1; }), "option train_examples" + whole);
  EXPECT_EQ(message([](auto& o) { o.validation_examples = -1; }),
            "option validation_examples" + whole);
  EXPECT_EQ(message([](auto& o) { o.train_per_class = -1; }), "option train_per_class" + whole);
  EXPECT_EQ(message([](auto& o) { o.validation_per_class = -1; }),
            "option validation_per_class" + whole);
  EXPECT_EQ(message([](auto& o) { o.downscale = 0; }),
            "option downscale: a whole number of at least 1 required, got 0");
  EXPECT_EQ(message([](auto& o) { o.path = ""; }), "option path: the folder of the data required");
  EXPECT_EQ(message([](auto& o) { options_of(o).set("format", "cifar"s); }),
            "option format: one of idx, cifar10, cifar100, folder, npy, living17 required, got "
            "\"cifar\"; did "
            "you mean \"cifar10\"?");
}

}  // namespace
}  // namespace expunge
