// Pictures against the samples that they were written from.
#include "expunge/data/image_file.h"

#include <gtest/gtest.h>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "data/picture_files.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

class ImageFile : public testing::Test {
 protected:
  torch::Tensor read(const std::string& bytes) {
    put_file(path_, bytes);
    return read_image(path_);
  }
  std::string refusal(const std::string& bytes) {
    return message_of<InputError>([&] { read(bytes); });
  }
  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "a.png";
};

torch::Tensor bytes_of(const std::vector<int>& values, at::IntArrayRef shape) {
  return torch::tensor(values, torch::kInt32).view(shape).to(torch::kUInt8);
}

TEST_F(ImageFile, GreyPngHasOneChannel) {
  const auto image = read(png_bytes({.width = 3, .height = 2, .samples = {0, 1, 2, 3, 254, 255}}));
  EXPECT_TRUE(torch::equal(image, bytes_of({0, 1, 2, 3, 254, 255}, {1, 2, 3})));
}

TEST_F(ImageFile, ColoursOfAPngBecomePlanes) {
  const auto image = read(
      png_bytes({.width = 2, .height = 1, .colour_type = 2, .samples = {10, 20, 30, 40, 50, 60}}));
  EXPECT_TRUE(torch::equal(image, bytes_of({10, 40, 20, 50, 30, 60}, {3, 1, 2})));
}

TEST_F(ImageFile, PalettesAreLookedUp) {
  const auto image = read(png_bytes({.width = 2,
                                     .height = 2,
                                     .colour_type = 3,
                                     .samples = {1, 0, 0, 1},
                                     .palette = {1, 2, 3, 101, 102, 103}}));
  EXPECT_TRUE(
      torch::equal(image, bytes_of({101, 1, 1, 101, 102, 2, 2, 102, 103, 3, 3, 103}, {3, 2, 2})));
}

// What is transparent shows the black that it lies on; what is not, is as it was.
TEST_F(ImageFile, TransparencyShowsBlack) {
  const auto grey =
      read(png_bytes({.width = 2, .height = 1, .colour_type = 4, .samples = {77, 255, 77, 0}}));
  EXPECT_TRUE(torch::equal(grey, bytes_of({77, 0}, {1, 1, 2})));
  const auto colour = read(png_bytes(
      {.width = 2, .height = 1, .colour_type = 6, .samples = {10, 20, 30, 255, 10, 20, 30, 0}}));
  EXPECT_TRUE(torch::equal(colour, bytes_of({10, 0, 20, 0, 30, 0}, {3, 1, 2})));
}

// A 16-bit sample s stands for s / 65535 as an 8-bit one stands for s / 255.
TEST_F(ImageFile, SixteenBitSamplesKeepTheirShareOfTheRange) {
  const std::vector<int> samples = {0, 1, 257, 30000, 32768, 40000, 65278, 65535};
  for (const int colour_type : {0, 2}) {
    const auto channels = colour_type == 0 ? 1U : 3U;
    Png png{.width = static_cast<uint32_t>(samples.size()),
            .height = 1,
            .bit_depth = 16,
            .colour_type = colour_type};
    for (const int sample : samples) png.samples.insert(png.samples.end(), channels, sample);
    const auto image = read(png_bytes(png));
    ASSERT_EQ(image.sizes(), at::IntArrayRef({static_cast<int64_t>(channels), 1, 8}));
    for (size_t i = 0; i < samples.size(); ++i) {
      EXPECT_NEAR(image[channels - 1][0][static_cast<int64_t>(i)].item<int>(), samples[i] / 257.0,
                  0.51)
          << samples[i];
    }
  }
}

// JPEG rounds in the frequency domain: a smooth ramp comes back nearly exact at quality 100.
TEST_F(ImageFile, JpegsComeBackNearlyAsTheyWere) {
  const auto ramp = torch::arange(16).unsqueeze(1) * 10 + torch::arange(24).unsqueeze(0);
  const auto grey = ramp.unsqueeze(0).to(torch::kUInt8);
  const auto colour = torch::stack({ramp, 255 - ramp, ramp * 0 + 40}).to(torch::kUInt8);
  for (const auto& pixels : {grey, colour}) {
    const auto image = read(jpeg_bytes(pixels));
    ASSERT_EQ(image.sizes(), pixels.sizes());
    EXPECT_EQ(image.scalar_type(), torch::kUInt8);
    EXPECT_LE((image.to(torch::kInt32) - pixels.to(torch::kInt32)).abs().max().item<int>(), 3);
  }
}

TEST_F(ImageFile, TheContentDecidesAndNotTheName) {
  path_ = folder_ / "png-called.jpg";
  EXPECT_EQ(read(plain_png(9)).sizes(), at::IntArrayRef({1, 2, 3}));
  EXPECT_EQ(read(jpeg_bytes(torch::full({3, 4, 5}, 9, torch::kUInt8))).sizes(),
            at::IntArrayRef({3, 4, 5}));
  for (const std::string bytes : {"", "\xff", "GIF89a", "\x89PN"})
    EXPECT_EQ(refusal(bytes),
              path_.string() + ": a JPEG or PNG required, the file begins as neither");
}

TEST_F(ImageFile, EveryPrefixOfAPngIsRefused) {
  const auto bytes = png_bytes({.width = 3, .height = 2, .samples = {0, 1, 2, 3, 254, 255}});
  const size_t end = bytes.size() - 12;  // the last chunk holds nothing
  for (size_t size = 4; size < end; ++size)
    EXPECT_SAYS(refusal(bytes.substr(0, size)), path_.string() + ": not a sound PNG: ") << size;
}

TEST_F(ImageFile, EveryPrefixOfAJpegIsRefused) {
  const auto bytes = jpeg_bytes((torch::arange(256).view({1, 16, 16}) % 200).to(torch::kUInt8));
  for (size_t size = 2; size < bytes.size() - 2; ++size)
    EXPECT_SAYS(refusal(bytes.substr(0, size)), path_.string() + ": not a sound JPEG: ") << size;
}

// Whatever the bytes are, there is an image or an InputError.
TEST_F(ImageFile, NoDamageDoesMoreThanFail) {
  const auto png = png_bytes({.width = 3, .height = 2, .samples = {0, 1, 2, 3, 254, 255}});
  const auto jpeg = jpeg_bytes((torch::arange(256).view({1, 16, 16}) % 200).to(torch::kUInt8));
  for (const auto& sound : {png, jpeg}) {
    for (size_t at = 0; at < sound.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xff}) {
        auto damaged = sound;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        put_file(path_, damaged);
        try {
          read_image(path_);
        } catch (const InputError& error) {
          EXPECT_SAYS(error.what(), path_.string());
          EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
        }
      }
    }
  }
}

TEST_F(ImageFile, HugePicturesAreRefusedBeforeMemoryIsTaken) {
  Png png{.width = 100000, .height = 100000, .samples = {}};
  png.samples.assign(100000, 1);
  EXPECT_EQ(refusal(png_bytes(png)),
            path_.string() + ": at most 67108864 pixels allowed, got 100000 x 100000");
  // The sizes of a JPEG stand behind its marker ff c0, its length and its precision.
  auto jpeg = jpeg_bytes(torch::zeros({1, 8, 8}, torch::kUInt8));
  jpeg.replace(jpeg.find("\xff\xc0") + 5, 4, "\xf0\x01\xf0\x01");
  EXPECT_EQ(refusal(jpeg), path_.string() + ": not a sound JPEG: more than 67108864 pixels");
}

TEST_F(ImageFile, CmykIsRefused) {
  EXPECT_SAYS(refusal(jpeg_bytes(torch::zeros({4, 8, 8}, torch::kUInt8))),
              path_.string() + ": not a sound JPEG: ");
}

TEST_F(ImageFile, AMissingFileIsNamed) {
  EXPECT_EQ(message_of<SystemError>([&] { read_image(path_); }),
            path_.string() + ": cannot be opened: No such file or directory");
}

TEST(Downscaled, IsTheMeanOfBlocksRoundedToNearest) {
  const auto images =
      bytes_of({0, 2, 10, 20, 4, 6, 30, 41, 1, 1, 255, 255, 1, 2, 255, 254}, {1, 1, 4, 4});
  // Means 3, 25.25, 1.25, 254.75.
  EXPECT_TRUE(torch::equal(downscaled(images, 2, "x"), bytes_of({3, 25, 1, 255}, {1, 1, 2, 2})));
  EXPECT_TRUE(torch::equal(downscaled(images, 1, "x"), images));
  const auto floats = downscaled(images.to(torch::kFloat32) / 8, 2, "x");
  EXPECT_TRUE(
      torch::equal(floats, torch::tensor({3.0F, 25.25F, 1.25F, 254.75F}).view({1, 1, 2, 2}) / 8));
}

TEST(Downscaled, HeightWidthAndChannelsKeepTheirPlaces) {
  const auto images = torch::randint(0, 256, {2, 3, 6, 9}).to(torch::kUInt8);
  const auto small = downscaled(images, 3, "x");
  ASSERT_EQ(small.sizes(), at::IntArrayRef({2, 3, 2, 3}));
  EXPECT_TRUE(small.is_contiguous());
  for (int64_t i = 0; i < 2; ++i) {
    for (int64_t c = 0; c < 3; ++c) {
      for (int64_t y = 0; y < 2; ++y) {
        for (int64_t x = 0; x < 3; ++x) {
          int sum = 0;
          for (int64_t k = 0; k < 9; ++k)
            sum += images[i][c][3 * y + k / 3][3 * x + k % 3].item<int>();
          EXPECT_NEAR(small[i][c][y][x].item<int>(), sum / 9.0, 0.501);
        }
      }
    }
  }
}

TEST(Downscaled, TheFactorMustDivideBothSides) {
  const auto refusal = [](int64_t height, int64_t width, int64_t factor) {
    return message_of<InputError>([&] {
      downscaled(torch::zeros({1, 1, height, width}), factor, "set");
    });
  };
  EXPECT_EQ(refusal(4, 6, 3), "set: a downscale factor that divides 4 x 6 pixels required, got 3");
  EXPECT_EQ(refusal(6, 4, 3), "set: a downscale factor that divides 6 x 4 pixels required, got 3");
  EXPECT_EQ(refusal(4, 6, 0), "set: a downscale factor that divides 4 x 6 pixels required, got 0");
}

}  // namespace
}  // namespace expunge
