// Living-17 of an ImageNet tree with the real names of folders and pictures of one value each.
#include "expunge/data/living17.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "data/picture_files.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/data/load.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using Ids = std::vector<int64_t>;

// Each of the 68 folders has three pictures to train on and one to validate on. Folder g of all, class by class, has
// the values 3 g, 3 g + 1, 3 g + 2 and g.
class Living17 : public testing::Test {
 protected:
  Living17() {
    for (const auto& c : living17_classes()) {
      for (const auto& folder : c.folders) {
        const auto g = static_cast<int>(folders_.size());
        for (int i = 0; i < 3; ++i) put_file(picture(folder, i), plain_png(3 * g + i));
        put_file(folder_ / "val" / folder / "0.JPEG", plain_png(g));
        folders_.push_back(folder);
      }
    }
    options_ = {.format = DataFormat::living17,
                .path = folder_.path().string(),
                .train_examples = 0,
                .validation_examples = 0};
  }
  [[nodiscard]] fs::path picture(const std::string& folder, int i) const {
    return folder_ / "train" / folder / fmt::format("{}_{}.JPEG", folder, i);
  }
  [[nodiscard]] std::string refusal() const {
    return message_of<InputError>([&] { load_data(options_); });
  }
  [[nodiscard]] std::string train() const { return (folder_ / "train").string(); }
  static Ids values_of(const Dataset& data) {
    Ids values;
    for (int64_t i = 0; i < data.size(); ++i)
      values.push_back(data.images[i].max().item<int64_t>());
    return values;
  }
  static Ids ids(const torch::Tensor& tensor) {
    return {tensor.data_ptr<int64_t>(), tensor.data_ptr<int64_t>() + tensor.size(0)};
  }
  ScratchFolder folder_;
  std::vector<std::string> folders_;
  DataOptions options_;
};

TEST(Living17Classes, AreSeventeenOfFourDistinctWordNetIds) {
  const auto classes = living17_classes();
  ASSERT_EQ(classes.size(), 17U);
  std::set<std::string> seen;
  for (const auto& c : classes) {
    EXPECT_EQ(c.folders.size(), 4U);
    for (const auto& id : c.folders) {
      EXPECT_TRUE(std::regex_match(id, std::regex("n0[12][0-9]{6}"))) << id;
      EXPECT_TRUE(seen.insert(id).second) << id;
    }
  }
  EXPECT_EQ(classes[0].name, "salamander");
  EXPECT_EQ(classes[8].name, "dog");
  EXPECT_EQ(classes[8].folders,
            (std::vector<std::string>{"n02088466", "n02086079", "n02111500", "n02086910"}));
  EXPECT_EQ(classes[16].name, "monkey");
  EXPECT_EQ(classes[16].folders.back(), "n02492660");
}

TEST(Living17Classes, AreHalvedByTheDomains) {
  const auto both = living17_classes();
  const auto source = living17_classes(Living17Domain::source);
  const auto target = living17_classes(Living17Domain::target);
  for (size_t c = 0; c < both.size(); ++c) {
    EXPECT_EQ(source[c].name, both[c].name);
    EXPECT_EQ(target[c].name, both[c].name);
    EXPECT_EQ(source[c].folders.size(), 2U);
    auto joined = source[c].folders;
    joined.insert(joined.end(), target[c].folders.begin(), target[c].folders.end());
    EXPECT_EQ(joined, both[c].folders);
  }
}

TEST_F(Living17, EveryPictureHasItsClassAndItsSubpopulation) {
  const auto data = load_data(options_);
  ASSERT_EQ(data.train.size(), 204);
  ASSERT_EQ(data.validation.size(), 68);
  data.train.validate("train");
  for (const auto* part : {&data.train, &data.validation}) {
    EXPECT_EQ(part->classes(), 17);
    EXPECT_EQ(part->class_names[1], "turtle");
    EXPECT_EQ(part->group_names, folders_);
    const bool trains = part == &data.train;
    const auto values = values_of(*part);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto g = trains ? values[i] / 3 : values[i];
      EXPECT_EQ(ids(part->groups)[i], g);
      EXPECT_EQ(ids(part->labels)[i], g / 4);
    }
  }
  auto sorted = values_of(data.train);
  std::sort(sorted.begin(), sorted.end());
  for (size_t i = 0; i < sorted.size(); ++i) EXPECT_EQ(sorted[i], static_cast<int64_t>(i));
}

TEST_F(Living17, ClassesTakeTurnsAndSubpopulationsWithinThem) {
  const auto data = load_data(options_).train;
  Ids expected;
  for (int64_t i = 0; i < 3; ++i) {  // the i-th picture of the j-th folder of class c
    for (int64_t j = 0; j < 4; ++j) {
      for (int64_t c = 0; c < 17; ++c) expected.push_back(3 * (4 * c + j) + i);
    }
  }
  EXPECT_EQ(values_of(data), expected);
}

TEST_F(Living17, TheFirstExamplesAreBalanced) {
  const auto all = load_data(options_).train;
  for (const int64_t count : {1, 17, 20, 34, 68, 100, 203}) {
    options_.train_examples = count;
    options_.validation_examples = 17;
    const auto data = load_data(options_);
    ASSERT_EQ(data.train.size(), count);
    EXPECT_TRUE(at::equal(data.train.images, all.images.narrow(0, 0, count)));
    for (const auto& [of, parts] : {std::pair{data.train.labels, 17}, {data.train.groups, 68}}) {
      const auto counts = at::bincount(of, {}, parts);
      EXPECT_LE((counts.max() - counts.min()).item<int64_t>(), 1) << count;
    }
    EXPECT_EQ(ids(data.validation.labels).back(), 16);
  }
  options_.train_examples = 205;
  EXPECT_SAYS(refusal(), ", train: 205 examples required, got 204");
}

TEST_F(Living17, TheFirstOfEachClassAreOfAllItsSubpopulations) {
  options_.train_examples = 5;  // without effect
  options_.train_per_class = 6;
  options_.validation_per_class = 4;
  const auto data = load_data(options_);
  EXPECT_TRUE((at::bincount(data.train.labels) == 6).all().item<bool>());
  const auto groups = at::bincount(data.train.groups);
  EXPECT_EQ(groups.min().item<int64_t>(), 1);
  EXPECT_EQ(groups.max().item<int64_t>(), 2);
  EXPECT_EQ(data.validation.size(), 68);
  options_.train_per_class = 13;
  EXPECT_EQ(refusal(), train() + ": 13 images of class salamander required, got 12");
}

TEST_F(Living17, ADomainIsHalfOfEachClass) {
  for (const auto domain : {Living17Domain::source, Living17Domain::target}) {
    options_.domain = domain;
    const auto data = load_data(options_).train;
    ASSERT_EQ(data.size(), 102);
    ASSERT_EQ(data.group_names.size(), 34U);
    const auto values = values_of(data);
    for (size_t i = 0; i < values.size(); ++i) {
      const auto g = values[i] / 3;
      EXPECT_EQ(g % 4 < 2, domain == Living17Domain::source);
      EXPECT_EQ(ids(data.labels)[i], g / 4);
      EXPECT_EQ(data.group_names[static_cast<size_t>(ids(data.groups)[i])],
                folders_[static_cast<size_t>(g)]);
    }
  }
}

TEST_F(Living17, AShorterFolderLeavesTheTurnsToTheOthers) {
  fs::remove(picture(folders_[1], 1));
  fs::remove(picture(folders_[1], 2));
  options_.train_per_class = 10;
  EXPECT_EQ(load_data(options_).train.size(), 170);
  options_.train_per_class = 0;
  const auto data = load_data(options_).train;
  EXPECT_EQ(data.size(), 202);
  Ids salamanders;
  for (const auto value : values_of(data)) {
    if (value < 12) salamanders.push_back(value);
  }
  EXPECT_EQ(salamanders, (Ids{0, 3, 6, 9, 1, 7, 10, 2, 8, 11}));
}

TEST_F(Living17, TheRestOfImageNetIsPassedOver) {
  put_file(folder_ / "train/n01440764/n01440764_0.JPEG", "no picture");
  put_file(folder_ / "train/LOC_synset_mapping.txt", "no folder");
  EXPECT_EQ(load_data(options_).train.size(), 204);
}

TEST_F(Living17, MissingFoldersAreCountedAndTheFirstNamed) {
  fs::remove_all(folder_ / "train" / "n02114855");
  EXPECT_EQ(refusal(), train() +
                           ": folders of 68 subpopulations required, got 67; the first of 1 "
                           "missing: n02114855 (wolf)");
  for (const std::string id : {"n02492660", "n02086910"}) fs::remove_all(folder_ / "train" / id);
  EXPECT_EQ(refusal(), train() +
                           ": folders of 68 subpopulations required, got 65; the first of 3 "
                           "missing: n02086910 (dog)");
  // Of the source domain only the wolf is missing.
  options_.domain = Living17Domain::source;
  EXPECT_EQ(refusal(), train() +
                           ": folders of 34 subpopulations required, got 33; the first of 1 "
                           "missing: n02114855 (wolf)");
  put_file(folder_ / "train" / "n02114855", "no folder");
  EXPECT_SAYS(refusal(), "got 33");
  fs::remove_all(folder_ / "train");
  EXPECT_EQ(refusal(), train() + ": cannot be listed: No such file or directory");
}

TEST_F(Living17, ImageNetsTestImagesWithoutLabelsAreNoValidationPart) {
  put_file(folder_ / "test" / "ILSVRC2012_test_00000001.JPEG", plain_png(1));
  EXPECT_EQ(load_data(options_).validation.size(), 68);
  fs::remove_all(folder_ / "test");
  fs::rename(folder_ / "val", folder_ / "test");
  EXPECT_EQ(load_data(options_).validation.size(), 68);
}

TEST_F(Living17, NothingToListIsRefused) {
  const std::vector<ImageClass> classes = {{"a", {}}, {"b", {}}};
  for (const auto& none : {std::vector<ImageClass>{}, classes}) {
    EXPECT_EQ(message_of<InputError>([&] { list_subpopulations(folder_ / "train", none); }),
              train() + ": at least one subpopulation required, got none");
  }
}

TEST_F(Living17, FoldersThatLackInValidationAreRefusedThere) {
  fs::remove_all(folder_ / "val" / "n01669191");
  EXPECT_EQ(refusal(), (folder_ / "val").string() +
                           ": folders of 68 subpopulations required, got 67; the first of 1 "
                           "missing: n01669191 (turtle)");
}

TEST_F(Living17, AnEmptyFolderIsRefusedByName) {
  for (int i = 0; i < 3; ++i) fs::remove(picture("n02119789", i));
  EXPECT_EQ(refusal(), (folder_ / "train" / "n02119789").string() +
                           ": at least one image (.jpg, .jpeg, .png) required");
}

TEST_F(Living17, ACorruptPictureIsNamedOrSkippedOnRequest) {
  const auto broken = picture(folders_[5], 0);
  put_file(broken, "no picture");
  EXPECT_EQ(refusal(), broken.string() + ": a JPEG or PNG required, the file begins as neither");
  options_.unreadable = UnreadableImages::skip;
  const auto all = load_data(options_).train;
  EXPECT_EQ(all.size(), 203);
  ASSERT_EQ(all.skipped.size(), 1U);
  EXPECT_SAYS(all.skipped[0], broken.string());
  const auto values = values_of(all);
  for (size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(ids(all.groups)[i], values[i] / 3);
    EXPECT_EQ(ids(all.labels)[i], values[i] / 12);
  }
  options_.train_examples = 68;  // the next picture takes its place
  EXPECT_EQ(load_data(options_).train.size(), 68);
}

TEST_F(Living17, PicturesOfAnySizeAreBroughtToOne) {
  put_file(picture(folders_[7], 1), plain_png(22, 3, 9, 5));
  EXPECT_SAYS(refusal(), "2 x 3 pixels required");
  options_.image_size = 4;
  const auto data = load_data(options_).train;
  EXPECT_EQ(data.images.sizes(), at::IntArrayRef({204, 3, 4, 4}));
  EXPECT_EQ(values_of(data)[68 + 3 * 17 + 1], 22);
}

TEST_F(Living17, TheCacheIsReadInsteadOfThePicturesAndGoesOnWhereItStopped) {
  options_.cache = (folder_ / "cache").string();
  const auto uncached = [&] {
    auto plain = options_;
    plain.cache.clear();
    return load_data(plain);
  }();
  // A broken picture stops the first reading in the validation part: that of the training part stays.
  const auto broken = folder_ / "val" / folders_[3] / "0.JPEG";
  const auto good = read_file(broken);
  put_file(broken, "no picture");
  EXPECT_SAYS(refusal(), broken.string());
  put_file(broken, good);
  // Other pixels under the same name, size and time: whoever decodes it again sees them.
  const auto changed = picture(folders_[10], 0);
  const auto time = fs::last_write_time(changed);
  const auto size = fs::file_size(changed);
  put_file(changed, plain_png(99));
  ASSERT_EQ(fs::file_size(changed), size);
  fs::last_write_time(changed, time);
  for (int pass = 0; pass < 2; ++pass) {
    const auto data = load_data(options_);
    EXPECT_TRUE(at::equal(data.train.images, uncached.train.images));
    EXPECT_TRUE(at::equal(data.train.groups, uncached.train.groups));
    EXPECT_TRUE(at::equal(data.validation.images, uncached.validation.images));
  }
}

TEST_F(Living17, ItsOptionsAreRefusedElsewhere) {
  for (const auto format : {DataFormat::folder, DataFormat::npy}) {
    DataOptions options = {.format = format, .domain = Living17Domain::source};
    EXPECT_EQ(message_of<OptionError>([&] { options.validate(); }),
              "option domain: format \"living17\" required for it, got another");
  }
  DataOptions options = {.format = DataFormat::idx, .image_size = 4};
  EXPECT_EQ(message_of<OptionError>([&] { options.validate(); }),
            "options image_size, unreadable and cache: format \"folder\" or \"living17\" required "
            "for them, got another");
  EXPECT_EQ(
      message_of<OptionError>([&] { options_of(options).set("domain", std::string("suorce")); }),
      "option domain: one of both, source, target required, got \"suorce\"; did you mean "
      "\"source\"?");
}

}  // namespace
}  // namespace expunge
