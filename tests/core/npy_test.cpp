#include "expunge/core/npy.h"

#include <gtest/gtest.h>

#include "core/hex.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// Written by NumPy 2: [[1.5, -2, 3], [4, 5, 6.25]] float32.
const std::string numpy_float32 = from_hex(
    "934e554d5059010076007b276465736372273a20273c6634272c2027666f727472616e5f6f72646572273a2046616c"
    "73652c20277368617065273a2028322c2033292c207d20202020202020202020202020202020202020202020202020"
    "20"
    "20202020202020202020202020202020202020202020202020202020202020200a0000c03f000000c0000040400000"
    "80"
    "400000a0400000c840");
// -7, an int64 without dimensions.
const std::string numpy_scalar = from_hex(
    "934e554d5059010076007b276465736372273a20273c6938272c2027666f727472616e5f6f72646572273a2046616c"
    "73652c20277368617065273a2028292c207d2020202020202020202020202020202020202020202020202020202020"
    "20"
    "20202020202020202020202020202020202020202020202020202020202020200af9ffffffffffffff");
// [True, False, True].
const std::string numpy_bool = from_hex(
    "934e554d5059010076007b276465736372273a20277c6231272c2027666f727472616e5f6f72646572273a2046616c"
    "73652c20277368617065273a2028332c292c207d202020202020202020202020202020202020202020202020202020"
    "20"
    "20202020202020202020202020202020202020202020202020202020202020200a010001");

// A file of any version around a header and data.
std::string npy(const std::string& dict, const std::string& data, int version = 1) {
  return "\x93NUMPY" + little_endian(static_cast<uint64_t>(version), 2) +
         little_endian(dict.size(), version == 1 ? 2 : 4) + dict + data;
}

std::string dict(const std::string& descr, const std::string& shape,
                 const std::string& fortran = "False") {
  return "{'descr': '" + descr + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

class Npy : public testing::Test {
 protected:
  fs::path put(const std::string& bytes) {
    write_file_atomically(folder_ / "a.npy", bytes);
    return folder_ / "a.npy";
  }
  void refuses(const std::string& bytes, const std::string& words) {
    const auto path = put(bytes);
    for (const auto& read : {read_npy, map_npy}) {
      const auto message = message_of<InputError>([&] { read(path); });
      EXPECT_SAYS(message, path.string());
      EXPECT_SAYS(message, words);
    }
  }
  ScratchFolder folder_;
};

TEST_F(Npy, ReadsWhatNumPyWrote) {
  for (const auto& read : {read_npy, map_npy}) {
    const auto matrix = read(put(numpy_float32));
    EXPECT_EQ(matrix.scalar_type(), torch::kFloat32);
    EXPECT_TRUE(
        torch::equal(matrix, torch::tensor({1.5F, -2.F, 3.F, 4.F, 5.F, 6.25F}).view({2, 3})));
    const auto scalar = read(put(numpy_scalar));
    EXPECT_EQ(scalar.dim(), 0);
    EXPECT_EQ(scalar.item<int64_t>(), -7);
    const auto flags = read(put(numpy_bool));
    EXPECT_TRUE(torch::equal(flags, torch::tensor({true, false, true})));
  }
}

TEST_F(Npy, WritesWhatNumPyWould) {
  write_npy(folder_ / "a.npy", torch::tensor({1.5F, -2.F, 3.F, 4.F, 5.F, 6.25F}).view({2, 3}));
  EXPECT_EQ(read_file(folder_ / "a.npy"), numpy_float32);
  write_npy(folder_ / "a.npy", torch::tensor(int64_t{-7}));
  EXPECT_EQ(read_file(folder_ / "a.npy"), numpy_scalar);
  write_npy(folder_ / "a.npy", torch::tensor({true, false, true}));
  EXPECT_EQ(read_file(folder_ / "a.npy"), numpy_bool);
}

TEST_F(Npy, EveryDtypeSurvivesAndDataBeginAtAMultipleOf64) {
  for (const auto dtype : {torch::kBool, torch::kUInt8, torch::kInt8, torch::kInt16, torch::kInt32,
                           torch::kInt64, torch::kFloat16, torch::kFloat32, torch::kFloat64}) {
    const auto array = torch::arange(24).remainder(2).to(dtype).view({2, 3, 4});
    const auto path = folder_ / "a.npy";
    write_npy(path, array);
    EXPECT_EQ((fs::file_size(path) - array.numel() * array.element_size()) % 64, 0U);
    for (const auto& read : {read_npy, map_npy}) {
      const auto back = read(path);
      EXPECT_EQ(back.scalar_type(), dtype);
      EXPECT_TRUE(torch::equal(back, array));
    }
  }
  EXPECT_THROW(write_npy(folder_ / "a.npy", torch::zeros({2}, torch::kBFloat16)), Error);
}

TEST_F(Npy, StridedAndEmptyArraysAreWrittenInCOrder) {
  const auto array = torch::arange(6, torch::kFloat32).view({2, 3});
  write_npy(folder_ / "a.npy", array.t());
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "a.npy"), array.t()));
  write_npy(folder_ / "a.npy", torch::zeros({0, 5}));
  for (const auto& read : {read_npy, map_npy}) {
    EXPECT_EQ(read(folder_ / "a.npy").sizes(), at::IntArrayRef({0, 5}));
  }
}

TEST_F(Npy, MappedTensorOutlivesItsFilesName) {
  const auto path = put(numpy_float32);
  auto row = map_npy(path)[1];
  fs::remove(path);
  EXPECT_EQ(row[2].item<float>(), 6.25F);
}

TEST_F(Npy, OtherVersionsQuotesAndOrdersOfKeysAreUnderstood) {
  const auto data = numpy_float32.substr(numpy_float32.size() - 24);
  const auto expected = read_npy(put(numpy_float32));
  for (int version : {1, 2, 3}) {
    EXPECT_TRUE(torch::equal(read_npy(put(npy(dict("<f4", "(2, 3)"), data, version))), expected));
  }
  const std::string other = "{ \"shape\":(2L,3L,) ,\"fortran_order\":False,\"descr\":\"<f4\"}";
  EXPECT_TRUE(torch::equal(read_npy(put(npy(other, data))), expected));
  // Header lengths that leave the data at every alignment.
  for (int blanks = 0; blanks < 8; ++blanks) {
    const auto header = dict("<f4", "(2, 3)") + std::string(static_cast<size_t>(blanks), ' ');
    EXPECT_TRUE(torch::equal(map_npy(put(npy(header, data))), expected));
  }
  EXPECT_EQ(read_npy(put(npy(dict("<u1", "(1,)"), "\x05"))).item<uint8_t>(), 5);
}

TEST_F(Npy, FortranOrderIsRefusedUnlessItIsTheSame) {
  refuses(npy(dict("<f4", "(2, 3)", "True"), std::string(24, '\0')), "C order required");
  EXPECT_EQ(read_npy(put(npy(dict("<f4", "(1, 3)", "True"), std::string(12, '\0')))).size(1), 3);
}

TEST_F(Npy, MissingAndSurplusBytesAreCounted) {
  refuses(numpy_float32.substr(0, numpy_float32.size() - 1),
          "24 bytes required for shape (2, 3) of <f4, got 23");
  refuses(numpy_float32 + "x", "24 bytes required for shape (2, 3) of <f4, got 25");
  // Cut anywhere, it is an error and never a crash.
  for (size_t size = 0; size < numpy_float32.size(); ++size) {
    refuses(numpy_float32.substr(0, size), "required");
  }
}

TEST_F(Npy, UnsupportedDtypesAreNamed) {
  for (const std::string descr : {">f4", "<u2", "<f16", "<c8", "|O", "<U5", "", "f4", ">b2"}) {
    refuses(npy(dict(descr, "(1,)"), "0000"), "got \"" + descr + "\"");
  }
  refuses(npy(dict("<f4\n\x01", "(1,)"), "0000"), "got \"<f4??\"");
  refuses(npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", "0000"),
          "structured");
}

TEST_F(Npy, HostileShapesAreRefusedWithoutAllocating) {
  refuses(npy(dict("<f4", "(4611686018427387904, 4611686018427387904)"), ""), "larger than any");
  refuses(npy(dict("<f4", "(0, 4611686018427387904, 8)"), ""), "larger than any");
  refuses(npy(dict("<f4", "(1000000000000,)"), "0000"), "4000000000000 bytes required");
  refuses(npy(dict("<f4", "(99999999999999999999999,)"), ""), "a size required");
  refuses(npy(dict("<f4", "(-1,)"), ""), "a size required");
  std::string many = "(";
  for (int i = 0; i < 65; ++i) many += "1,";
  refuses(npy(dict("<f4", many + ")"), "0000"), "too many dimensions");
}

TEST_F(Npy, BrokenHeadersAreRefused) {
  const std::string data = "0000";
  refuses("PK\x03\x04 something else", "an npy file required");
  refuses(npy(dict("<f4", "(1,)"), data, 4), "version 1 to 3 required, got 4");
  refuses(npy("{'descr': '<f4', 'shape': (1,)}\n", data), "fortran_order and shape required");
  refuses(npy("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", data),
          "one each");
  refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}", data), "one each");
  refuses(npy("{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}", data), "True or False");
  refuses(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} import os", data),
          "follows the dictionary");
  refuses(npy("{'descr': '<f4", data), "without an end");
  refuses(npy(std::string(20, '\0'), data), "\"{\" required");
}

TEST_F(Npy, BoolsOtherThanZeroAndOneAreRefused) {
  refuses(npy(dict("|b1", "(3,)"), std::string("\x01\x00\x02", 3)), "got 2 at element 2");
}

TEST_F(Npy, WriterTakesRowsInPieces) {
  const auto array = torch::arange(30, torch::kFloat16).view({5, 3, 2});
  {
    NpyWriter writer(folder_ / "a.npy", torch::kFloat16, {5, 3, 2});
    writer.append(array.narrow(0, 0, 2));
    writer.append(array.narrow(0, 2, 0));
    writer.append(array.narrow(0, 2, 3));
    EXPECT_FALSE(fs::exists(folder_ / "a.npy"));
    writer.finish();
  }
  EXPECT_TRUE(torch::equal(read_npy(folder_ / "a.npy"), array));
  write_npy(folder_ / "b.npy", array);
  EXPECT_EQ(read_file(folder_ / "a.npy"), read_file(folder_ / "b.npy"));
}

TEST_F(Npy, WriterRefusesMissingSurplusAndOtherRows) {
  {
    NpyWriter writer(folder_ / "a.npy", torch::kFloat32, {3, 2});
    writer.append(torch::zeros({2, 2}));
    EXPECT_SAYS(message_of<Error>([&] { writer.finish(); }), "3 rows required, got 2");
    EXPECT_THROW(writer.append(torch::zeros({2, 2})), Error);
    EXPECT_THROW(writer.append(torch::zeros({1, 3})), Error);
    EXPECT_THROW(writer.append(torch::zeros({2})), Error);
    EXPECT_THROW(writer.append(torch::zeros({1, 2}, torch::kFloat64)), Error);
  }
  EXPECT_TRUE(fs::is_empty(folder_.path()));
}

}  // namespace
}  // namespace expunge
