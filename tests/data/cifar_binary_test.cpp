// CIFAR's records against bytes written out by hand.
#include "expunge/data/cifar_binary.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int64_t side = 32;

// Pixel of example `id`: another one for each id, channel, row and column nearby.
int value_of(int id, int channel, int row, int column) {
  return (7 * id + 80 * channel + 3 * row + column) % 256;
}

std::string record_of(const std::vector<int>& labels, int id) {
  std::string bytes;
  for (const int label : labels) bytes += static_cast<char>(label);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < side; ++y) {
      for (int x = 0; x < side; ++x) bytes += static_cast<char>(value_of(id, c, y, x));
    }
  }
  return bytes;
}

void expect_images(const torch::Tensor& images, const std::vector<int>& ids) {
  ASSERT_EQ(images.sizes(), at::IntArrayRef({static_cast<int64_t>(ids.size()), 3, side, side}));
  const auto pixels = images.accessor<uint8_t, 4>();
  for (size_t i = 0; i < ids.size(); ++i) {
    for (int c = 0; c < 3; ++c) {
      for (int y = 0; y < side; ++y) {
        for (int x = 0; x < side; ++x)
          ASSERT_EQ(pixels[static_cast<int64_t>(i)][c][y][x], value_of(ids[i], c, y, x));
      }
    }
  }
}

// Batches of 1, 2, 1, 1 and 1 examples, numbered 0 to 5, and a test batch of number 6.
class Cifar10 : public testing::Test {
 protected:
  Cifar10() {
    put("batches.meta.txt", "plane\ncar\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
    put("data_batch_1.bin", record_of({3}, 0));
    put("data_batch_2.bin", record_of({9}, 1) + record_of({0}, 2));
    put("data_batch_3.bin", record_of({1}, 3));
    put("data_batch_4.bin", record_of({1}, 4));
    put("data_batch_5.bin", record_of({8}, 5));
    put("test_batch.bin", record_of({2}, 6));
  }
  void put(const std::string& name, const std::string& bytes) { put_file(folder_ / name, bytes); }
  std::string refusal() {
    return message_of<InputError>([&] { read_cifar10(folder_.path()); });
  }
  ScratchFolder folder_;
};

TEST_F(Cifar10, BatchesFollowOneAnother) {
  const auto data = read_cifar10(folder_.path());
  expect_images(data.train.images, {0, 1, 2, 3, 4, 5});
  expect_images(data.validation.images, {6});
  EXPECT_TRUE(torch::equal(data.train.labels, torch::tensor({3, 9, 0, 1, 1, 8}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(data.validation.labels, torch::tensor({2}, torch::kInt64)));
  EXPECT_EQ(data.train.class_names[9], "truck");
  EXPECT_EQ(data.validation.class_names, data.train.class_names);
}

TEST_F(Cifar10, NamesMayEndInCarriageReturns) {
  put("batches.meta.txt", "0\r\n1\r\n2\r\n3\r\n4\r\n5\r\n6\r\n7\r\n8\r\n9\r\n\r\n");
  EXPECT_EQ(read_cifar10(folder_.path()).train.class_names[9], "9");
}

TEST_F(Cifar10, WholeRecordsAreRequired) {
  const auto path = (folder_ / "data_batch_3.bin").string();
  for (const int64_t size : {0, 1, 3072, 3074, 6145}) {
    put("data_batch_3.bin", std::string(static_cast<size_t>(size), '\0'));
    EXPECT_EQ(refusal(), fmt::format("{}: a multiple of 3073 bytes required (one record), got {}",
                                     path, size));
  }
}

TEST_F(Cifar10, LabelsOutOfRangeAreRefused) {
  put("data_batch_2.bin", record_of({9}, 1) + record_of({10}, 2));
  EXPECT_EQ(refusal(), folder_.path().string() +
                           ", CIFAR-10, train: labels from 0 to 9 required, got 10 at example 2");
}

TEST_F(Cifar10, EveryFileIsRequiredByName) {
  for (const std::string name :
       {"data_batch_1.bin", "data_batch_5.bin", "test_batch.bin", "batches.meta.txt"}) {
    const auto bytes = read_file(folder_ / name);
    fs::remove(folder_ / name);
    EXPECT_EQ(message_of<SystemError>([&] { read_cifar10(folder_.path()); }),
              (folder_ / name).string() + ": cannot be opened: No such file or directory");
    put(name, bytes);
  }
}

TEST_F(Cifar10, TenNamesAreRequired) {
  put("batches.meta.txt", "plane\ncar\n");
  EXPECT_EQ(refusal(),
            (folder_ / "batches.meta.txt").string() + ": 10 class names required, got 2");
}

class Cifar100 : public testing::Test {
 protected:
  Cifar100() {
    std::string names;
    for (int c = 0; c < 100; ++c) names += fmt::format("fine {}\n", c);
    put("fine_label_names.txt", names);
    put("train.bin", record_of({19, 99}, 0) + record_of({3, 42}, 1));
    put("test.bin", record_of({1, 0}, 2));
  }
  void put(const std::string& name, const std::string& bytes) { put_file(folder_ / name, bytes); }
  ScratchFolder folder_;
};

TEST_F(Cifar100, TheFineLabelIsUsed) {
  const auto data = read_cifar100(folder_.path());
  EXPECT_TRUE(torch::equal(data.train.labels, torch::tensor({99, 42}, torch::kInt64)));
  EXPECT_TRUE(torch::equal(data.validation.labels, torch::tensor({0}, torch::kInt64)));
  expect_images(data.train.images, {0, 1});
  expect_images(data.validation.images, {2});
  EXPECT_EQ(data.train.class_names[42], "fine 42");
}

TEST_F(Cifar100, RecordsOfCifar10AreRefused) {
  put("train.bin", record_of({1}, 0));
  EXPECT_EQ(message_of<InputError>([&] { read_cifar100(folder_.path()); }),
            (folder_ / "train.bin").string() +
                ": a multiple of 3074 bytes required (one record), got 3073");
}

TEST_F(Cifar100, LabelsOutOfRangeAreRefused) {
  put("test.bin", record_of({100, 1}, 0) + record_of({1, 100}, 1));
  EXPECT_EQ(message_of<InputError>([&] { read_cifar100(folder_.path()); }),
            folder_.path().string() +
                ", CIFAR-100, test: labels from 0 to 99 required, got 100 at example 1");
}

}  // namespace
}  // namespace expunge
