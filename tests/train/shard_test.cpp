// Shards against their layout written out by hand, and against everything that can happen to them.
#include "expunge/train/shard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <thread>

#include "core/hex.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "train/child_process.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

const RowLayout layout{.n = 5, .m = 3, .classes = 2};
const std::string magic = "EXPSHRD1";

// CRC-32 (ISO 3309) bit by bit.
uint32_t crc32_by_definition(const std::string& bytes) {
  uint32_t crc = 0xffffffff;
  for (const char c : bytes) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320 : 0);
  }
  return ~crc;
}

torch::Tensor row_mask(int64_t row, const RowLayout& l = layout) {
  return torch::arange(l.n).remainder(row + 2) == 0;
}
torch::Tensor row_logits(int64_t row, const RowLayout& l = layout) {
  return (torch::arange(l.m * l.classes, torch::kFloat32) * 0.25 - static_cast<double>(row))
      .view({l.m, l.classes});
}

std::string record_of(int64_t row) {
  std::string bytes = little_endian(static_cast<uint64_t>(row), 8);
  const auto mask = row_mask(row);
  for (int64_t i = 0; i < layout.n; ++i) bytes += mask[i].item<bool>() ? '\1' : '\0';
  const auto logits = row_logits(row).flatten();
  for (int64_t i = 0; i < logits.numel(); ++i) {
    const float value = logits[i].item<float>();
    uint32_t word = 0;
    std::memcpy(&word, &value, 4);
    bytes += little_endian(word, 4);
  }
  return bytes + little_endian(crc32_by_definition(bytes), 4);
}

class Shard : public testing::Test {
 protected:
  // Row numbers in the order of the visit; every row must be what was appended under its number.
  std::vector<int64_t> rows(const RowLayout& l = layout) {
    std::vector<int64_t> found;
    visit_shards(folder_.path(), l, [&](const ShardRow& row) {
      found.push_back(row.row);
      EXPECT_TRUE(torch::equal(row.mask, row_mask(row.row, l))) << row.row;
      EXPECT_EQ(row.logits.scalar_type(), l.logits_dtype);
      EXPECT_TRUE(torch::equal(row.logits, row_logits(row.row, l).to(l.logits_dtype))) << row.row;
    });
    return found;
  }
  void append(ShardWriter& writer, int64_t row, const RowLayout& l = layout) {
    writer.append(row, row_mask(row, l), row_logits(row, l));
  }
  void put(const std::string& name, const std::string& bytes) {
    write_file_atomically(folder_ / name, bytes);
  }
  fs::path only_file() {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(folder_.path())) paths.push_back(entry.path());
    EXPECT_EQ(paths.size(), 1U);
    return paths.at(0);
  }
  ScratchFolder folder_;
};

using Rows = std::vector<int64_t>;

TEST_F(Shard, BytesAreTheLayoutWrittenOutByHand) {
  ShardWriter writer(folder_.path(), layout);
  append(writer, 7);
  append(writer, 0);
  EXPECT_EQ(read_file(only_file()), magic + record_of(7) + record_of(0));
  EXPECT_EQ(static_cast<int64_t>(record_of(0).size()), layout.row_bytes());
}

TEST_F(Shard, RowsReadBackInBothDtypes) {
  for (const auto dtype : {torch::kFloat16, torch::kFloat32}) {
    const RowLayout l{.n = 7, .m = 3, .classes = 2, .logits_dtype = dtype};
    ShardWriter writer(folder_.path(), l);
    for (const int64_t row : {3, 1, 2}) append(writer, row, l);
    EXPECT_EQ(rows(l), (Rows{3, 1, 2}));
    fs::remove(only_file());
  }
}

TEST_F(Shard, Float16RoundsToNearest) {
  const RowLayout l{.n = 1, .m = 1, .classes = 2, .logits_dtype = torch::kFloat16};
  ShardWriter writer(folder_.path(), l);
  // 65519 is the largest whole number that does not round to infinity.
  writer.append(0, torch::ones({1}, torch::kBool), torch::tensor({{0.1F, 65519.F}}));
  visit_shards(folder_.path(), l, [](const ShardRow& row) {
    EXPECT_EQ(row.logits[0][0].item<float>(), 0.0999755859375F);
    EXPECT_EQ(row.logits[0][1].item<float>(), 65504.F);
  });
}

TEST_F(Shard, WhatIsNotFiniteIsRefusedByName) {
  const RowLayout half{.n = 5, .m = 3, .classes = 2, .logits_dtype = torch::kFloat16};
  ShardWriter writer(folder_.path(), half);
  auto logits = row_logits(4);
  logits[2][1] = 65520.F;
  EXPECT_EQ(message_of<NonFiniteError>([&] { writer.append(4, row_mask(4), logits); }),
            "store row 4: a logit that is finite as float16 required, got 65520 (evaluation point "
            "2, class 1)");
  logits[2][1] = 1;
  logits[0][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_SAYS(message_of<NonFiniteError>([&] { writer.append(4, row_mask(4), logits); }),
              "got nan (evaluation point 0, class 1)");
  EXPECT_TRUE(rows(half).empty());
  append(writer, 1);
  EXPECT_EQ(rows(half), Rows{1});
}

TEST_F(Shard, RowsOfAnotherShapeAreRefused) {
  ShardWriter writer(folder_.path(), layout);
  const auto refuses = [&](const torch::Tensor& mask, const torch::Tensor& logits,
                           const std::string& got) {
    EXPECT_EQ(message_of<Error>([&] { writer.append(2, mask, logits); }),
              "store row 2: mask (5) Bool and logits (3, 2) required, got " + got);
  };
  refuses(torch::ones({4}, torch::kBool), row_logits(2), "(4) Bool and (3, 2)");
  refuses(torch::ones({5}), row_logits(2), "(5) Float and (3, 2)");
  refuses(row_mask(2), row_logits(2).flatten(), "(5) Bool and (6)");
  refuses(row_mask(2), row_logits(2).t(), "(5) Bool and (2, 3)");
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

TEST_F(Shard, WholeRowsOfEveryPrefixAreRead) {
  const std::string bytes = magic + record_of(2) + record_of(0) + record_of(1);
  for (size_t size = 0; size <= bytes.size(); ++size) {
    put("a.shard", bytes.substr(0, size));
    const size_t whole = size < magic.size() ? 0 : (size - magic.size()) / record_of(0).size();
    const Rows all = {2, 0, 1};
    EXPECT_EQ(rows(), Rows(all.begin(), all.begin() + static_cast<int64_t>(whole))) << size;
  }
}

TEST_F(Shard, AFlippedBitCostsItsRowAlone) {
  const std::string bytes = magic + record_of(2) + record_of(0) + record_of(1);
  for (size_t at = 0; at < bytes.size(); ++at) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ (1 << (at % 8)));
    put("a.shard", damaged);
    Rows expected = {2, 0, 1};
    if (at < magic.size()) {
      expected.clear();
    } else {
      expected.erase(expected.begin() +
                     static_cast<int64_t>((at - magic.size()) / record_of(0).size()));
    }
    EXPECT_EQ(rows(), expected) << at;
  }
}

TEST_F(Shard, ZerosAsAfterAPowerFailureAreNoRow) {
  put("a.shard", magic + std::string(record_of(0).size(), '\0') + record_of(1));
  EXPECT_EQ(rows(), Rows{1});
}

TEST_F(Shard, RowsOfAnotherLayoutAreNotRead) {
  put("a.shard", magic + record_of(0) + record_of(1) + record_of(2));
  for (const RowLayout& other :
       {RowLayout{.n = 6, .m = 3, .classes = 2}, RowLayout{.n = 5, .m = 2, .classes = 2},
        RowLayout{.n = 5, .m = 3, .classes = 20000000}, RowLayout{5, 3, 2, torch::kFloat16}}) {
    EXPECT_TRUE(rows(other).empty());
  }
}

TEST_F(Shard, WhatIsNoShardIsPassedOver) {
  put("a.shard", magic + record_of(3));
  put("b.shard", "");
  put("c.shard", "EXPSHRD2" + record_of(4));
  put("d.txt", magic + record_of(5));
  fs::create_directory(folder_ / "e.shard");
  fs::create_symlink(folder_ / "nowhere", folder_ / "f.shard");
  put("g.shard", magic + record_of(3));
  EXPECT_EQ(rows(), (Rows{3, 3}));
  visit_shards(folder_ / "nowhere", layout, [](const ShardRow&) { FAIL(); });
  EXPECT_SAYS(message_of<SystemError>(
                  [&] { visit_shards(folder_ / "d.txt", layout, [](const ShardRow&) {}); }),
              "d.txt: cannot be listed");
}

// As by another process that finalises the store, or cuts its shard back.
TEST_F(Shard, AShardMayShrinkOrGoWhileItIsRead) {
  const std::string first = magic + record_of(0) + record_of(1);
  Rows found;
  put("a.shard", first);
  put("b.shard", magic + record_of(2));
  visit_shards(folder_.path(), layout, [&](const ShardRow& row) {
    found.push_back(row.row);
    fs::resize_file(folder_ / "a.shard", 0);
    fs::remove(folder_ / "b.shard");
  });
  EXPECT_EQ(found, Rows{0});
}

TEST_F(Shard, WholeRowsAloneAreSeenWhileAShardGrows) {
  const RowLayout large{.n = 100, .m = 1000, .classes = 4};
  constexpr int64_t count = 60;
  std::atomic<bool> done{false};
  std::thread writer([&] {
    ShardWriter shard(folder_.path(), large);
    for (int64_t row = 0; row < count; ++row) append(shard, row, large);
    done = true;
  });
  size_t before = 0;
  bool last = false;
  while (!last) {
    last = done;
    const auto found = rows(large);  // checks every row
    EXPECT_GE(found.size(), before);
    before = found.size();
    for (size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], static_cast<int64_t>(i));
  }
  writer.join();
  EXPECT_EQ(before, static_cast<size_t>(count));
}

TEST_F(Shard, ThreadsMayAppendToOneShard) {
  ShardWriter writer(folder_.path(), layout);
  std::vector<std::thread> threads;
  for (int64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int64_t k = 0; k < 25; ++k) append(writer, 25 * t + k);
    });
  }
  for (auto& thread : threads) thread.join();
  auto found = rows();
  std::sort(found.begin(), found.end());
  Rows expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(found, expected);
  only_file();
}

TEST_F(Shard, AFullDiskLeavesWholeRows) {
  const auto row_bytes = static_cast<rlim_t>(layout.row_bytes());
  expect_success_in_child([&] {
    ShardWriter writer(folder_.path(), layout);
    limit_file_size(magic.size() + 2 * row_bytes + row_bytes / 2);
    append(writer, 0);
    append(writer, 1);
    const auto message = message_of<SystemError>([&] { append(writer, 2); });
    EXPECT_SAYS(message, only_file().string() + ": cannot be written: ");
    EXPECT_EQ(fs::file_size(only_file()), magic.size() + 2 * row_bytes);
    EXPECT_EQ(rows(), (Rows{0, 1}));
    lift_file_size_limit();
    append(writer, 2);
    append(writer, 3);
  });
  auto found = rows();
  std::sort(found.begin(), found.end());
  EXPECT_EQ(found, (Rows{0, 1, 2, 3}));
}

// The first row of a shard needs its magic too.
TEST_F(Shard, AFullDiskAtTheVeryBeginningLeavesNothing) {
  for (const rlim_t room : {rlim_t{0}, rlim_t{3}, rlim_t{8}, rlim_t{20}}) {
    expect_success_in_child([&] {
      ShardWriter writer(folder_.path(), layout);
      limit_file_size(room);
      EXPECT_THROW(append(writer, 0), SystemError);
      EXPECT_TRUE(fs::is_empty(folder_.path())) << room;
      lift_file_size_limit();
      append(writer, 1);
    });
    EXPECT_EQ(rows(), Rows{1}) << room;
    fs::remove(only_file());
  }
}

}  // namespace
}  // namespace expunge
