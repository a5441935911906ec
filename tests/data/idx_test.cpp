// IDX files against bytes written out by hand, and everything that can be wrong with one.
#include "expunge/data/idx.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "data/idx_files.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using namespace std::string_literals;

class Idx : public testing::Test {
 protected:
  torch::Tensor read(const std::string& bytes, int64_t rank) {
    put_file(path_, bytes);
    return read_idx_array(path_, rank);
  }
  std::string refusal(const std::string& bytes, int64_t rank) {
    return message_of<InputError>([&] { read(bytes, rank); });
  }
  ScratchFolder folder_;
  fs::path path_ = folder_ / "x";
};

TEST_F(Idx, SizesAreReadHighestByteFirstAndValuesRowByRow) {
  const auto array = read("\0\0\x08\x02\0\0\0\x02\0\0\0\x03\x01\x02\x03\xff\x05\x06"s, 2);
  EXPECT_TRUE(torch::equal(array, torch::tensor({{1, 2, 3}, {255, 5, 6}}, torch::kUInt8)));
  EXPECT_EQ(read(idx_bytes({300, 1}, rising_bytes(300)), 2).sizes(), at::IntArrayRef({300, 1}));
}

TEST_F(Idx, CompressedFilesAreRead) {
  const auto bytes = idx_bytes({100, 30, 40}, rising_bytes(120000));
  EXPECT_TRUE(torch::equal(read(gzipped(bytes), 3), read(bytes, 3)));
}

TEST_F(Idx, OtherMagicIsRefused) {
  const std::string required =
      path_.string() + ": IDX magic 00 00 08 03 (unsigned bytes, 3 dimensions) required, got ";
  const auto sound = idx_bytes({1, 2, 2}, rising_bytes(4));
  EXPECT_EQ(refusal("\1" + sound.substr(1), 3), required + "01 00 08 03");
  EXPECT_EQ(refusal("\0\xff"s + sound.substr(2), 3), required + "00 ff 08 03");
  // int32, and labels where images were wanted.
  EXPECT_EQ(refusal(idx_bytes({1, 2, 2}, rising_bytes(16), 0x0c), 3), required + "00 00 0c 03");
  EXPECT_EQ(refusal(idx_bytes({100}, rising_bytes(100)), 3), required + "00 00 08 01");
  EXPECT_EQ(refusal(std::string(100, 'x'), 3), required + "78 78 78 78");
}

TEST_F(Idx, EveryPrefixIsRefusedSayingWhatIsMissing) {
  const auto sound = idx_bytes({2, 2, 2}, rising_bytes(8));
  for (size_t size = 0; size < sound.size(); ++size) {
    const auto message = refusal(sound.substr(0, size), 3);
    if (size < 16) {
      EXPECT_EQ(message,
                path_.string() + ": an IDX header of 16 bytes required, the file ends before");
    } else {
      EXPECT_EQ(message, fmt::format("{}: 8 bytes required for shape (2, 2, 2), got {}",
                                     path_.string(), size - 16));
    }
  }
}

TEST_F(Idx, TrailingBytesAreRefused) {
  EXPECT_EQ(refusal(idx_bytes({2, 2}, rising_bytes(5)), 2),
            path_.string() + ": more than the 4 bytes of shape (2, 2)");
  EXPECT_EQ(refusal(gzipped(idx_bytes({2, 2}, rising_bytes(5))), 2),
            path_.string() + ": more than the 4 bytes of shape (2, 2)");
}

// The last 8 bytes of a gzip file are a checksum and a length: without them nothing vouches for the
// data, even where all of them are there.
TEST_F(Idx, EveryPrefixOfACompressedFileIsRefused) {
  const auto compressed = gzipped(idx_bytes({5, 40}, rising_bytes(200)));
  for (size_t size = 0; size < compressed.size(); ++size)
    EXPECT_SAYS(refusal(compressed.substr(0, size), 2), path_.string()) << size;
  read(compressed, 2);
}

TEST_F(Idx, NoFlippedBitOfACompressedFileChangesWhatIsRead) {
  const auto compressed = gzipped(idx_bytes({5, 40}, rising_bytes(200)));
  const auto sound = read(compressed, 2);
  constexpr size_t header = 10;  // holds a time and the like, which nothing checks
  int refused = 0;
  for (size_t bit = 8 * header; bit < 8 * compressed.size(); ++bit) {
    auto damaged = compressed;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    try {
      // Bits that fill up the last byte of the compressed data mean nothing.
      EXPECT_TRUE(torch::equal(read(damaged, 2), sound)) << bit;
    } catch (const InputError& error) {
      EXPECT_SAYS(error.what(), path_.string());
      ++refused;
    }
  }
  EXPECT_GE(refused, static_cast<int>(8 * (compressed.size() - header)) - 8);
}

TEST_F(Idx, AnnouncedSizesTakeNoMemoryThatTheFileDoesNotFill) {
  const uint32_t most = 0xffffffff;
  EXPECT_EQ(refusal(idx_bytes({most, most, most}, ""), 3),
            path_.string() + ": the announced sizes are larger than any file");
  EXPECT_EQ(
      refusal(idx_bytes({most, 1, 1000}, "abc"), 3),
      path_.string() + ": 4294967295000 bytes required for shape (4294967295, 1, 1000), got 3");
  // An empty array whose strides would not fit into 64 bits.
  EXPECT_EQ(refusal(idx_bytes({0, most, most}, ""), 3),
            path_.string() + ": the announced sizes are larger than any file");
}

class IdxFolder : public testing::Test {
 protected:
  std::string refusal() {
    return message_of<InputError>([&] { read_idx(folder_.path(), "train"); });
  }
  ScratchFolder folder_;
  fs::path images_ = folder_ / "train-images-idx3-ubyte";
  fs::path labels_ = folder_ / "train-labels-idx1-ubyte";
};

TEST_F(IdxFolder, ImagesHaveOneChannelAndLabelsAreWhole) {
  write_idx_part(folder_.path(), "train", "\1\0\2\1"s);
  const auto data = read_idx(folder_.path(), "train");
  EXPECT_TRUE(torch::equal(data.images, torch::arange(24).view({4, 1, 2, 3}).to(torch::kUInt8)));
  EXPECT_TRUE(torch::equal(data.labels, torch::tensor({1, 0, 2, 1}, torch::kInt64)));
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"0", "1", "2"}));
}

TEST_F(IdxFolder, PlainAndCompressedFilesMayBeMixed) {
  write_idx_part(folder_.path(), "train", "\1\0\2\1"s);
  const auto plain = read_idx(folder_.path(), "train");
  put_file(labels_.string() + ".gz", gzipped(read_file(labels_)));
  fs::remove(labels_);
  const auto mixed = read_idx(folder_.path(), "train");
  EXPECT_TRUE(torch::equal(mixed.images, plain.images));
  EXPECT_TRUE(torch::equal(mixed.labels, plain.labels));
}

TEST_F(IdxFolder, ClassesOfFashionMnistHaveTheirNames) {
  for (const std::string name : {"fashion-mnist", "fashion-mnist/"}) {
    const fs::path folder = folder_.path() / name;
    fs::create_directories(folder);
    write_idx_part(folder, "t10k", "\1\0\2\1"s);
    const auto data = read_idx(folder, "t10k");
    EXPECT_EQ(data.classes(), 10);
    EXPECT_EQ(data.class_names[9], "Ankle boot");
    EXPECT_EQ(data.name, "fashion-mnist, t10k");
  }
}

TEST_F(IdxFolder, AsManyLabelsAsImagesAreRequired) {
  write_idx_part(folder_.path(), "train", "\1\0\2\1"s);
  put_file(labels_, idx_bytes({3}, "\1\0\2"s));
  EXPECT_EQ(refusal(), images_.string() + ": as many labels as images required, got 3 and 4");
}

TEST_F(IdxFolder, NoExampleIsRefused) {
  write_idx_part(folder_.path(), "train", "");
  EXPECT_EQ(refusal(), images_.string() + ": at least one image required, got none");
}

TEST_F(IdxFolder, LabelsWhereImagesBelongAreRefused) {
  write_idx_part(folder_.path(), "train", std::string(20, '\1'));
  fs::copy_file(labels_, images_, fs::copy_options::overwrite_existing);
  EXPECT_SAYS(refusal(), images_.string() + ": IDX magic 00 00 08 03");
}

TEST_F(IdxFolder, AMissingFileIsNamed) {
  write_idx_part(folder_.path(), "train", "\1\0\2\1"s);
  fs::remove(labels_);
  EXPECT_EQ(message_of<SystemError>([&] { read_idx(folder_.path(), "train"); }),
            labels_.string() + ": cannot be opened: No such file or directory");
}

}  // namespace
}  // namespace expunge
