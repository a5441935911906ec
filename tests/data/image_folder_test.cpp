// Folders of pictures made for the test, one a class.
#include "expunge/data/image_folder.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "data/picture_files.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Names = std::vector<std::string>;

// Pictures of one value each. Training: class bee holds 1 and 2, class cat holds 3, 4 and 5, by
// their names' order; validation: bee 6, cat 7.
class ImageFolder : public testing::Test {
 protected:
  ImageFolder() {
    put("train/cat/x.png", plain_png(4));
    put("train/cat/a.PNG", plain_png(3));
    put("train/cat/y.png", plain_png(5));
    put("train/bee/10.png", plain_png(1));
    put("train/bee/9.png", plain_png(2));
    put("test/bee/1.png", plain_png(6));
    put("test/cat/1.png", plain_png(7));
  }
  void put(const std::string& name, const std::string& bytes) { put_file(folder_ / name, bytes); }
  std::string refusal() {
    return message_of<InputError>([&] { read_image_folder(folder_.path()); });
  }
  static std::vector<int64_t> values_of(const Dataset& data) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < data.size(); ++i) {
      values.push_back(data.images[i].max().item<int64_t>());
      EXPECT_EQ(data.images[i].min().item<int64_t>(), values.back());
    }
    return values;
  }
  static std::vector<int64_t> labels_of(const Dataset& data) {
    return {data.labels.data_ptr<int64_t>(), data.labels.data_ptr<int64_t>() + data.size()};
  }
  std::string path_of(const std::string& name) const { return (folder_ / name).string(); }
  ScratchFolder folder_;
};

using Values = std::vector<int64_t>;

TEST_F(ImageFolder, ClassesAndFilesAreInTheOrderOfTheirNames) {
  const auto data = read_image_folder(folder_.path());
  EXPECT_EQ(data.train.class_names, (Names{"bee", "cat"}));
  EXPECT_EQ(data.validation.class_names, (Names{"bee", "cat"}));
  EXPECT_EQ(values_of(data.train), (Values{1, 2, 3, 4, 5}));
  EXPECT_EQ(labels_of(data.train), (Values{0, 0, 1, 1, 1}));
  EXPECT_EQ(values_of(data.validation), (Values{6, 7}));
  EXPECT_EQ(labels_of(data.validation), (Values{0, 1}));
  EXPECT_EQ(data.train.images.sizes(), at::IntArrayRef({5, 1, 2, 3}));
  EXPECT_EQ(data.train.images.scalar_type(), torch::kUInt8);
}

TEST_F(ImageFolder, TheOtherPartMayBeCalledVal) {
  fs::rename(folder_ / "test", folder_ / "val");
  EXPECT_EQ(values_of(read_image_folder(folder_.path()).validation), (Values{6, 7}));
}

TEST_F(ImageFolder, OtherFilesArePassedOver) {
  put("train/cat/notes.txt", "no picture");
  put("train/cat/thumbs.db", "no picture");
  put("train/LICENCE", "no class");
  EXPECT_EQ(values_of(read_image_folder(folder_.path()).train), (Values{1, 2, 3, 4, 5}));
}

TEST_F(ImageFolder, JpegsAndPngsMayBeMixed) {
  const auto grey = torch::full({1, 2, 3}, 9, torch::kUInt8);
  put("train/cat/b.jpeg", jpeg_bytes(grey));
  put("train/cat/z.JPG", jpeg_bytes(grey));
  EXPECT_EQ(values_of(read_image_folder(folder_.path()).train), (Values{1, 2, 3, 9, 4, 5, 9}));
}

TEST_F(ImageFolder, GreyIsWidenedWhereColourOccurs) {
  put("train/cat/x.png", plain_png(4, 3));
  const auto data = read_image_folder(folder_.path());
  EXPECT_EQ(data.train.images.sizes(), at::IntArrayRef({5, 3, 2, 3}));
  EXPECT_EQ(values_of(data.train), (Values{1, 2, 3, 4, 5}));
  // Also in the part in which all are grey: the two are to fit one network.
  EXPECT_EQ(data.validation.images.sizes(), at::IntArrayRef({2, 3, 2, 3}));
  EXPECT_EQ(values_of(data.validation), (Values{6, 7}));
  EXPECT_TRUE(data.validation.images.is_contiguous());
}

TEST_F(ImageFolder, AnotherSizeIsRefusedByName) {
  put("train/cat/x.png", plain_png(4, 1, 3, 2));
  EXPECT_EQ(refusal(), path_of("train/cat/x.png") + ": 2 x 3 pixels required, as in " +
                           path_of("train/bee/10.png") + ", got 3 x 2");
}

TEST_F(ImageFolder, ACorruptPictureIsNamed) {
  put("train/cat/x.png", plain_png(4).substr(0, 50));
  EXPECT_SAYS(refusal(), path_of("train/cat/x.png") + ": not a sound PNG: ");
  put("train/cat/x.png", "no picture");
  EXPECT_EQ(refusal(),
            path_of("train/cat/x.png") + ": a JPEG or PNG required, the file begins as neither");
}

TEST_F(ImageFolder, ACorruptPictureIsSkippedOnRequestAndAnotherOfItsClassTaken) {
  put("train/cat/a.PNG", "no picture");
  const ImageFolderOptions skip = {.decoding = {.unreadable = UnreadableImages::skip}};
  const auto data = read_image_folder(folder_.path(), skip).train;
  EXPECT_EQ(values_of(data), (Values{1, 2, 4, 5}));
  EXPECT_EQ(labels_of(data), (Values{0, 0, 1, 1}));
  ASSERT_EQ(data.skipped.size(), 1U);
  EXPECT_EQ(data.skipped[0],
            path_of("train/cat/a.PNG") + ": a JPEG or PNG required, the file begins as neither");
  auto two = skip;
  two.per_class = 2;
  EXPECT_EQ(values_of(first_of_each_class(read_image_folder(folder_.path(), two).train, 2, "")),
            (Values{1, 2, 4, 5}));
}

TEST_F(ImageFolder, AClassWithoutPicturesIsRefusedByName) {
  fs::create_directory(folder_ / "train" / "dog");
  EXPECT_EQ(refusal(), path_of("train/dog") + ": at least one image (.jpg, .jpeg, .png) required");
  put("train/dog/notes.txt", "no picture");
  EXPECT_EQ(refusal(), path_of("train/dog") + ": at least one image (.jpg, .jpeg, .png) required");
}

TEST_F(ImageFolder, ClassesAreRequired) {
  fs::remove_all(folder_ / "train" / "bee");
  EXPECT_EQ(refusal(), path_of("train") + ": at least 2 classes required, got 1");
  fs::remove_all(folder_ / "train" / "cat");
  EXPECT_EQ(refusal(), path_of("train") + ": at least one class folder required, got none");
  fs::remove_all(folder_ / "train");
  EXPECT_EQ(refusal(), path_of("train") + ": cannot be listed: No such file or directory");
}

TEST_F(ImageFolder, TheFirstOfEachClassCanBeAskedFor) {
  const auto data = read_image_folder(folder_.path(), {.per_class = 2, .validation_per_class = 1});
  EXPECT_EQ(values_of(data.train), (Values{1, 2, 3, 4}));
  EXPECT_EQ(values_of(data.validation), (Values{6, 7}));
  EXPECT_EQ(message_of<InputError>([&] { read_image_folder(folder_.path(), {.per_class = 3}); }),
            path_of("train/bee") + ": 3 images required, got 2");
}

TEST_F(ImageFolder, PicturesAreShrunkWhileTheyAreRead) {
  for (const std::string name :
       {"train/cat/x.png", "train/cat/a.PNG", "train/cat/y.png", "train/bee/10.png",
        "train/bee/9.png", "test/bee/1.png", "test/cat/1.png"})
    put(name, png_bytes({.width = 2, .height = 2, .samples = {0, 1, 10, 29}}));
  const auto data = read_image_folder(folder_.path(), {.decoding = {.downscale = 2}});
  EXPECT_EQ(data.train.images.sizes(), at::IntArrayRef({5, 1, 1, 1}));
  EXPECT_EQ(values_of(data.train), (Values{10, 10, 10, 10, 10}));
  EXPECT_EQ(message_of<InputError>(
                [&] { read_image_folder(folder_.path(), {.decoding = {.downscale = 4}}); }),
            path_of("train/bee/10.png") +
                ": a downscale factor that divides 2 x 2 pixels required, got 4");
}

}  // namespace
}  // namespace expunge
