// Decoding many files, with and without a cache.
#include "expunge/data/image_decoding.h"

#include <ATen/ops/equal.h>
#include <gtest/gtest.h>

#include <fstream>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "data/picture_files.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/npy.h"
#include "expunge/core/safetensors.h"
#include "message_of.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

class ImageDecoding : public testing::Test {
 protected:
  // Seven pictures of one value each, 1 to 7, in two classes.
  ImageDecoding() {
    for (int i = 1; i <= 7; ++i)
      put_file(folder_ / "part" / (i < 4 ? "a" : "b") / fmt::format("{}.png", i), plain_png(i));
  }
  [[nodiscard]] ImageList list() const { return list_images(folder_ / "part"); }
  [[nodiscard]] DecodingOptions cached() const {
    return {.cache = folder_ / "cache", .workers = 2, .block = 3};
  }
  [[nodiscard]] fs::path file(int i) const {
    return folder_ / "part" / (i < 4 ? "a" : "b") / fmt::format("{}.png", i);
  }
  // The one folder in the cache.
  [[nodiscard]] fs::path entry() const { return fs::directory_iterator(folder_ / "cache")->path(); }
  static std::vector<int64_t> values_of(const DecodedImages& decoded) {
    std::vector<int64_t> values;
    for (int64_t i = 0; i < decoded.images.size(0); ++i)
      values.push_back(decoded.images[i].max().item<int64_t>());
    return values;
  }
  std::string refusal(const DecodingOptions& options) const {
    return message_of<InputError>([&] { decode_images(list(), options); });
  }
  ScratchFolder folder_;
};

using DecodedValues = std::vector<int64_t>;

TEST_F(ImageDecoding, IsTheSameInMemoryAndFromTheCache) {
  const auto there = decode_images(list(), {.block = 3});
  EXPECT_EQ(values_of(there), (DecodedValues{1, 2, 3, 4, 5, 6, 7}));
  const auto made = decode_images(list(), cached());
  const auto read = decode_images(list(), cached());
  for (const auto& other : {made, read}) {
    EXPECT_TRUE(at::equal(other.images, there.images));
    EXPECT_EQ(other.kept, there.kept);
  }
  EXPECT_FALSE(fs::exists(entry() / "blocks"));
}

TEST_F(ImageDecoding, TheCacheIsReadInsteadOfTheFiles) {
  decode_images(list(), cached());
  // The same name, size and time, other pixels: whoever reads the files would see 9.
  const auto time = fs::last_write_time(file(5));
  const auto size = fs::file_size(file(5));
  put_file(file(5), plain_png(9));
  ASSERT_EQ(fs::file_size(file(5)), size);
  fs::last_write_time(file(5), time);
  EXPECT_EQ(values_of(decode_images(list(), cached())), (DecodedValues{1, 2, 3, 4, 5, 6, 7}));
  fs::last_write_time(file(5), time + std::chrono::seconds(1));
  EXPECT_EQ(values_of(decode_images(list(), cached())), (DecodedValues{1, 2, 3, 4, 9, 6, 7}));
}

TEST_F(ImageDecoding, OtherOptionsAreAnotherEntry) {
  decode_images(list(), cached());
  auto larger = cached();
  larger.image_size = 5;
  EXPECT_EQ(decode_images(list(), larger).images.sizes(), at::IntArrayRef({7, 1, 5, 5}));
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "cache"), fs::directory_iterator()), 2);
}

// A first process that was killed after two blocks, the second of them torn.
TEST_F(ImageDecoding, GoesOnAfterTheLastWholeBlock) {
  decode_images(list(), cached());
  const auto folder = entry();
  const auto images = read_npy(folder / "images.npy");
  fs::remove(folder / "images.json");
  fs::remove(folder / "images.npy");
  auto marked = images.narrow(0, 0, 3).clone();
  marked[0].fill_(200);  // shows that this block is not decoded again
  fs::create_directories(folder / "blocks");
  write_safetensors(folder / "blocks" / "00000.safetensors",
                    {{"kept", torch::tensor({0, 1, 2}, torch::kInt64)}, {"images", marked}},
                    {{"skipped", "[]"}});
  put_file(folder / "blocks" / "00001.safetensors", "torn");
  EXPECT_EQ(values_of(decode_images(list(), cached())), (DecodedValues{200, 2, 3, 4, 5, 6, 7}));
}

TEST_F(ImageDecoding, ABlockThatCannotBeOneIsDecodedAgain) {
  decode_images(list(), cached());
  const auto folder = entry();
  const auto kept = torch::tensor({0, 1, 2}, torch::kInt64);
  const auto images = torch::full({3, 1, 3, 4}, 200, torch::kUInt8);
  using Block = std::vector<std::pair<std::string, torch::Tensor>>;
  const Block blocks[] = {{{"kept", kept}, {"images", images.view({3, 12})}},
                          {{"kept", kept}, {"images", images.view({36})}},
                          {{"kept", kept}, {"images", images.to(torch::kFloat32)}},
                          {{"kept", kept}, {"images", images.view({3, 6, 1, 2})}},
                          {{"kept", kept}, {"images", images.narrow(3, 0, 0).contiguous()}},
                          {{"kept", kept + (int64_t{1} << 40)}, {"images", images}},
                          {{"kept", kept - 1}, {"images", images}},
                          {{"kept", kept.flip(0)}, {"images", images}},
                          {{"kept", kept.narrow(0, 0, 2)}, {"images", images.narrow(0, 0, 2)}},
                          {{"kept", kept}}};
  for (const auto& block : blocks) {
    fs::remove(folder / "images.json");
    fs::create_directories(folder / "blocks");
    write_safetensors(folder / "blocks" / "00000.safetensors", block, {{"skipped", "[]"}});
    EXPECT_EQ(values_of(decode_images(list(), cached())), (DecodedValues{1, 2, 3, 4, 5, 6, 7}));
  }
}

TEST_F(ImageDecoding, ADamagedCacheIsRefusedByName) {
  decode_images(list(), cached());
  const auto folder = entry();
  const auto good = read_file(folder / "images.npy");
  auto flipped = good;
  flipped.back() ^= 1;
  put_file(folder / "images.npy", flipped);
  EXPECT_EQ(refusal(cached()), folder.string() +
                                   ": images.npy is not what was decoded; remove the "
                                   "folder, and it is made again");
  put_file(folder / "images.npy", good.substr(0, good.size() - 1));
  EXPECT_NE(refusal(cached()).find("images.npy"), std::string::npos);
  put_file(folder / "images.npy", good);
  auto record = read_file(folder / "images.json");
  put_file(folder / "images.json", record.substr(0, record.size() / 2));
  EXPECT_NE(refusal(cached()).find("images.json is damaged"), std::string::npos);
  record.replace(record.find("\"images\": 7"), 11, "\"images\": 6");
  put_file(folder / "images.json", record);
  EXPECT_NE(refusal(cached()).find("does not fit"), std::string::npos);
}

TEST_F(ImageDecoding, NumbersOfACacheThatAreNotWholeAreRefused) {
  decode_images(list(), cached());
  const auto path = entry() / "images.json";
  const auto good = read_file(path);
  for (const std::string key : {"format_version", "images", "crc32"}) {
    auto record = good;
    const auto at = record.find(':', record.find('"' + key + '"')) + 1;
    record.replace(at, record.find_first_of(",\n}", at) - at, " 1e30");
    put_file(path, record);
    EXPECT_NE(refusal(cached()).find("images.json is damaged"), std::string::npos) << record;
  }
  auto record = good;
  record.replace(record.find("[]", record.find("\"kept\"")), 2, "[1e30]");
  put_file(path, record);
  EXPECT_NE(refusal(cached()).find("images.json is damaged"), std::string::npos) << record;
}

TEST_F(ImageDecoding, SkippedFilesAreNamedByTheCacheToo) {
  put_file(file(2), "no picture");
  EXPECT_NE(refusal({}).find(file(2).string()), std::string::npos);
  auto skip = cached();
  skip.unreadable = UnreadableImages::skip;
  for (int pass = 0; pass < 2; ++pass) {
    const auto decoded = decode_images(list(), skip);
    EXPECT_EQ(values_of(decoded), (DecodedValues{1, 3, 4, 5, 6, 7}));
    EXPECT_EQ(decoded.kept, (DecodedValues{0, 2, 3, 4, 5, 6}));
    ASSERT_EQ(decoded.skipped.size(), 1U);
    EXPECT_NE(decoded.skipped[0].find(file(2).string()), std::string::npos);
  }
  for (int i = 1; i <= 7; ++i) put_file(file(i), "no picture");
  EXPECT_NE(refusal(skip).find("at least one image that can be decoded required, got none of 7"),
            std::string::npos);
}

TEST_F(ImageDecoding, ColourAndSizeAreComparedOverBlocks) {
  put_file(file(7), plain_png(7, 3));
  const auto colour = decode_images(list(), cached());
  EXPECT_EQ(colour.images.sizes(), at::IntArrayRef({7, 3, 2, 3}));
  EXPECT_EQ(values_of(colour), (DecodedValues{1, 2, 3, 4, 5, 6, 7}));
  put_file(file(7), plain_png(7, 1, 3, 2));
  EXPECT_EQ(refusal({.block = 3}), file(7).string() + ": 2 x 3 pixels required, as in " +
                                       file(1).string() + ", got 3 x 2");
}

// Weights of the antialiased filter at half the size: a triangle over four pixels, 1 3 3 1 of 8.
TEST(Resized, IsTheTriangleFilterOfTheShorterSideAndItsMiddle) {
  auto image = torch::zeros({1, 4, 8}, torch::kUInt8);
  const std::vector<int64_t> columns = {0, 8, 80, 160, 40, 240, 16, 100};
  for (int64_t i = 0; i < 8; ++i) image.select(2, i).fill_(columns[static_cast<size_t>(i)]);
  const auto small = resized(image, 2);  // 2 x 4, of which columns 1 and 2 are kept
  ASSERT_EQ(small.sizes(), at::IntArrayRef({1, 2, 2}));
  const auto at = [&](size_t i) {
    return std::lround(
        static_cast<double>(columns[i] + 3 * columns[i + 1] + 3 * columns[i + 2] + columns[i + 3]) /
        8);
  };
  for (int64_t row = 0; row < 2; ++row) {
    EXPECT_EQ(small[0][row][0].item<int64_t>(), at(1));
    EXPECT_EQ(small[0][row][1].item<int64_t>(), at(3));
  }
  EXPECT_TRUE(at::equal(resized(image.narrow(2, 0, 4), 4), image.narrow(2, 0, 4)));
  EXPECT_EQ(resized(torch::full({3, 2, 3}, 7, torch::kUInt8), 5).sizes(),
            at::IntArrayRef({3, 5, 5}));
}

}  // namespace
}  // namespace expunge
