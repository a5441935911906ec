#include "expunge/report/png_data_uri.h"

#include <gtest/gtest.h>
#include <png.h>

#include <limits>

#include "expunge/core/error.h"

namespace expunge {
namespace {

/// (C, H, W) uint8, through libpng's reader.
torch::Tensor decode(const std::vector<uint8_t>& bytes) {
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  EXPECT_TRUE(png_image_begin_read_from_memory(&header, bytes.data(), bytes.size()));
  const int64_t channels = header.format & PNG_FORMAT_FLAG_COLOR ? 3 : 1;
  header.format = channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  torch::Tensor pixels = torch::empty({header.height, header.width, channels}, torch::kUInt8);
  EXPECT_TRUE(png_image_finish_read(&header, nullptr, pixels.data_ptr(), 0, nullptr));
  return pixels.permute({2, 0, 1}).contiguous();
}

std::string text_base64(std::string_view text) {
  return base64({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

TEST(PngDataUri, PixelsComeBack) {
  for (const int64_t channels : {1, 3}) {
    // All levels, and height and width that differ, so that swapped axes show.
    const torch::Tensor image =
        (torch::arange(channels * 13 * 29) * 37 % 256).view({channels, 13, 29}).to(torch::kUInt8);
    EXPECT_TRUE(torch::equal(decode(encode_png(image)), image));
    // A view whose memory is laid out otherwise.
    const torch::Tensor turned = image.transpose(1, 2);
    EXPECT_TRUE(torch::equal(decode(encode_png(turned)), turned));
  }
}

TEST(PngDataUri, FloatsAreRoundedToTheNearestLevelAndClipped) {
  const torch::Tensor image =
      torch::tensor({0.0, 1.0, 0.5, 100.4 / 255, 100.6 / 255, -0.0005, 1.0005, 0.001})
          .view({1, 2, 4});
  const torch::Tensor expected =
      torch::tensor({0, 255, 128, 100, 101, 0, 255, 0}).view({1, 2, 4}).to(torch::kUInt8);
  EXPECT_TRUE(torch::equal(decode(encode_png(image)), expected));
  EXPECT_TRUE(torch::equal(decode(encode_png(image.to(torch::kFloat64))), expected));
}

TEST(PngDataUri, Base64TestVectorsOfRfc4648) {
  EXPECT_EQ(text_base64(""), "");
  EXPECT_EQ(text_base64("f"), "Zg==");
  EXPECT_EQ(text_base64("fo"), "Zm8=");
  EXPECT_EQ(text_base64("foo"), "Zm9v");
  EXPECT_EQ(text_base64("foob"), "Zm9vYg==");
  EXPECT_EQ(text_base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(text_base64("foobar"), "Zm9vYmFy");
  EXPECT_EQ(text_base64("\xfb\xff\xfe"), "+//+");
}

TEST(PngDataUri, IsAPngAndTheSameEveryTime) {
  const torch::Tensor image = torch::full({1, 4, 4}, 7, torch::kUInt8);
  const std::string uri = png_data_uri(image);
  EXPECT_EQ(uri.rfind("data:image/png;base64,iVBORw0KGgo", 0), 0u);
  EXPECT_EQ(uri, png_data_uri(image));
}

TEST(PngDataUri, RefusesWhatIsNoImage) {
  EXPECT_THROW(encode_png(torch::Tensor()), InputError);
  EXPECT_THROW(encode_png(torch::zeros({4, 4}, torch::kUInt8)), InputError);
  EXPECT_THROW(encode_png(torch::zeros({2, 4, 4}, torch::kUInt8)), InputError);
  EXPECT_THROW(encode_png(torch::zeros({1, 0, 4}, torch::kUInt8)), InputError);
  EXPECT_THROW(encode_png(torch::zeros({1, 4, 4}, torch::kInt64)), InputError);
  EXPECT_THROW(encode_png(torch::full({1, 4, 4}, 1.5)), InputError);
  EXPECT_THROW(encode_png(torch::full({1, 4, 4}, -2.0)), InputError);
  EXPECT_THROW(encode_png(torch::full({1, 4, 4}, std::numeric_limits<float>::quiet_NaN())),
               NonFiniteError);
}

}  // namespace
}  // namespace expunge
