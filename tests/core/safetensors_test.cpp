#include "expunge/core/safetensors.h"

#include <gtest/gtest.h>

#include "core/hex.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;
using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

// Written by the Python package safetensors 0.8: w (2, 2) F32, h (2) F16, b (1) BF16, i (2, 1) I64,
// m (3) BOOL, e (0, 3) F32, and two entries of metadata.
const std::string python_file = from_hex(
    "80010000000000007b225f5f6d657461646174615f5f223a7b226e6f7465223a22c3bc222c22666f726d6174223a22"
    "7074227d2c2269223a7b226474797065223a22493634222c227368617065223a5b322c315d2c22646174615f6f6666"
    "73657473223a5b302c31365d7d2c2265223a7b226474797065223a22463332222c227368617065223a5b302c335d2c"
    "22646174615f6f666673657473223a5b31362c31365d7d2c2277223a7b226474797065223a22463332222c22736861"
    "7065223a5b322c325d2c22646174615f6f666673657473223a5b31362c33325d7d2c2262223a7b226474797065223a"
    "2242463136222c227368617065223a5b315d2c22646174615f6f666673657473223a5b33322c33345d7d2c2268223a"
    "7b226474797065223a22463136222c227368617065223a5b325d2c22646174615f6f666673657473223a5b33342c33"
    "385d7d2c226d223a7b226474797065223a22424f4f4c222c227368617065223a5b335d2c22646174615f6f66667365"
    "7473223a5b33382c34315d7d7d202020f9ffffffffffffff09000000000000000000c03f000000c000005040000000"
    "3f4040003c00b8010001");

std::string file_of(const std::string& header, const std::string& data) {
  return little_endian(header.size(), 8) + header + data;
}

std::string tensor_of(const std::string& dtype, const std::string& shape,
                      const std::string& offsets) {
  return R"({"dtype":")" + dtype + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

class Safetensors : public testing::Test {
 protected:
  fs::path put(const std::string& bytes) {
    write_file_atomically(folder_ / "a.safetensors", bytes);
    return folder_ / "a.safetensors";
  }
  void refuses(const std::string& bytes, const std::string& words) {
    const auto path = put(bytes);
    const auto message = message_of<InputError>([&] { read_safetensors(path); });
    EXPECT_SAYS(message, path.string());
    EXPECT_SAYS(message, words);
  }
  ScratchFolder folder_;
};

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].first, b[i].first);
    EXPECT_EQ(a[i].second.scalar_type(), b[i].second.scalar_type()) << a[i].first;
    EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST_F(Safetensors, ReadsWhatThePythonPackageWrote) {
  const auto file = read_safetensors(put(python_file));
  const NamedTensors expected = {{"i", torch::tensor({int64_t{-7}, int64_t{9}}).view({2, 1})},
                                 {"e", torch::zeros({0, 3})},
                                 {"w", torch::tensor({1.5F, -2.F, 3.25F, 0.5F}).view({2, 2})},
                                 {"b", torch::tensor({3.F}).to(torch::kBFloat16)},
                                 {"h", torch::tensor({1.F, -0.5F}).to(torch::kFloat16)},
                                 {"m", torch::tensor({true, false, true})}};
  expect_equal(file.tensors, expected);
  EXPECT_EQ(file.metadata,
            (std::map<std::string, std::string>{{"format", "pt"}, {"note", "\xc3\xbc"}}));
}

TEST_F(Safetensors, WhatIsWrittenIsReadInItsOrder) {
  NamedTensors tensors;
  for (const auto dtype : {torch::kBool, torch::kUInt8, torch::kInt32, torch::kInt64,
                           torch::kFloat16, torch::kBFloat16, torch::kFloat32, torch::kFloat64}) {
    // Three elements, so that what follows is not aligned.
    tensors.emplace_back(std::string("z") + toString(dtype),
                         torch::arange(3).remainder(2).to(dtype));
  }
  tensors.emplace_back("a \"quoted\" name", torch::arange(6, torch::kFloat32).view({2, 3}).t());
  tensors.emplace_back("empty", torch::zeros({2, 0}));
  tensors.emplace_back("scalar", torch::tensor(2.5F));
  const std::map<std::string, std::string> metadata = {{"b", "two\nlines"}, {"a", ""}};
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, tensors, metadata);
  const auto back = read_safetensors(path);
  expect_equal(back.tensors, tensors);
  EXPECT_EQ(back.metadata, metadata);
  const auto bytes = read_file(path);
  write_safetensors(path, tensors, metadata);
  EXPECT_EQ(read_file(path), bytes);
}

// The layout, written out by hand.
TEST_F(Safetensors, HeaderIsPaddedWithBlanksToAMultipleOf8) {
  const auto path = folder_ / "a.safetensors";
  write_safetensors(path, {{"x", torch::tensor({uint8_t{7}, uint8_t{9}})}}, {});
  std::string header = R"({"x":)" + tensor_of("U8", "[2]", "[0,2]") + "}";
  header += std::string((8 - header.size() % 8) % 8, ' ');
  EXPECT_EQ(header.size() % 8, 0U);
  EXPECT_EQ(read_file(path), file_of(header, "\x07\x09"));
}

TEST_F(Safetensors, NothingAtAllIsAFileToo) {
  write_safetensors(folder_ / "a.safetensors", {}, {});
  const auto file = read_safetensors(folder_ / "a.safetensors");
  EXPECT_TRUE(file.tensors.empty());
  EXPECT_TRUE(file.metadata.empty());
}

TEST_F(Safetensors, NamesAndDtypesThatCannotBeWrittenAreRefused) {
  const auto path = folder_ / "a.safetensors";
  const auto x = torch::zeros({1});
  EXPECT_THROW(write_safetensors(path, {{"x", x}, {"x", x}}, {}), Error);
  EXPECT_THROW(write_safetensors(path, {{"__metadata__", x}}, {}), Error);
  EXPECT_THROW(write_safetensors(path, {{"x", x.to(torch::kInt16)}}, {}), Error);
  EXPECT_THROW(write_safetensors(path, {{"\xff", x}}, {}), Error);
  EXPECT_FALSE(fs::exists(path));
}

TEST_F(Safetensors, EveryPrefixAndEverySurplusIsRefused) {
  for (size_t size = 0; size < python_file.size(); ++size) {
    refuses(python_file.substr(0, size), "");
  }
  refuses(python_file + "x", "41 bytes of tensors required, got 42");
}

TEST_F(Safetensors, HeaderMustFitTheFileAndBeJson) {
  refuses("12345", "got 5 bytes");
  refuses(little_endian(~uint64_t{0}, 8) + "{}", "a header of 18446744073709551615 bytes");
  refuses(file_of("{\"x\":", ""), "no JSON");
  refuses(file_of("[]", ""), "not a JSON object");
  refuses(file_of("{\"\xff\":1}", ""), "no JSON");
  refuses(file_of("{\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}", ""),
          "nested");
  refuses(file_of("{\"x\":1e400}", ""), "a number that is too large");
  refuses(file_of(R"({"__metadata__":{"a":1}})", ""), "texts required, got 1");
  refuses(file_of(R"({"__metadata__":["a"]})", ""), "an object of texts");
}

TEST_F(Safetensors, TensorEntriesAreChecked) {
  const auto one = [](const std::string& entry) {
    return file_of("{\"x\":" + entry + "}", "0000");
  };
  refuses(one("3"), "tensor \"x\": dtype, shape and data_offsets required, got 3");
  refuses(one(R"({"dtype":"F32","shape":[1]})"), "data_offsets required");
  refuses(one(tensor_of("F8", "[4]", "[0,4]")), "unsupported dtype \"F8\"");
  refuses(one(tensor_of("F32", "1", "[0,4]")), "a shape required, got 1");
  refuses(one(tensor_of("F32", "[-1]", "[0,4]")), "a shape required");
  refuses(one(tensor_of("F32", "[1.0]", "[0,4]")), "a shape required");
  refuses(one(tensor_of("F32", "[18446744073709551615]", "[0,4]")), "a shape required");
  refuses(one(tensor_of("F32", "[4611686018427387904,4]", "[0,4]")), "larger than any file");
  refuses(one(tensor_of("F32", "[0,4611686018427387904,4]", "[0,0]")), "larger than any file");
  refuses(one(tensor_of("F32", "[1]", "[4]")), "two data_offsets");
  refuses(one(tensor_of("F32", "[1]", "[4,0]")), "4 bytes required");
  refuses(one(tensor_of("F32", "[2]", "[0,4]")), "8 bytes required for shape [2] of F32");
  refuses(one(tensor_of("F32", "[1]", "[4,8]")), "must begin at 0 and end by 4");
  refuses(one(tensor_of("U8", "[4000000000]", "[0,4000000000]")), "end by 4");
  refuses(file_of("{\"x\":" + tensor_of("BOOL", "[2]", "[0,2]") + "}", "\x01\x03"),
          "0 or 1 required");
}

TEST_F(Safetensors, OverlapsGapsAndDoubledNamesAreRefused) {
  const auto two = [](const std::string& a, const std::string& b) {
    return file_of(
        "{\"x\":" + tensor_of("U8", "[2]", a) + ",\"y\":" + tensor_of("U8", "[2]", b) + "}",
        "0000");
  };
  EXPECT_EQ(read_safetensors(put(two("[2,4]", "[0,2]"))).tensors.front().first, "y");
  refuses(two("[0,2]", "[1,3]"), "tensor \"y\" lies at bytes 1 to 3; it must begin at 2");
  refuses(two("[0,2]", "[0,2]"), "must begin at 2");
  refuses(two("[1,3]", "[3,5]"), "must begin at 0");
  const auto entry = tensor_of("U8", "[4]", "[0,4]");
  refuses(file_of("{\"x\":" + entry + ",\"x\":" + entry + "}", "0000"), "\"x\" is there twice");
}

}  // namespace
}  // namespace expunge
