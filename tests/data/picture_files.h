// PNG files written out by hand, and JPEG files by libjpeg.
#pragma once

#include <gtest/gtest.h>
#include <torch/types.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

// jpeglib.h needs stdio first.
#include <jpeglib.h>

namespace expunge {

/// A PNG of samples in the order of the file. colour_type: 0 grey, 2 colour, 3 palette, 4 grey and
/// alpha, 6 colour and alpha.
struct Png {
  uint32_t width = 1;
  uint32_t height = 1;
  int bit_depth = 8;  // 8 or 16
  int colour_type = 0;
  std::vector<int> samples = {};
  std::vector<int> palette = {};  // red, green, blue, red, ...
};

inline std::string highest_first(uint32_t value, int bytes) {
  std::string text;
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
    text += static_cast<char>(value >> shift & 0xff);
  return text;
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const auto crc =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return highest_first(static_cast<uint32_t>(data.size()), 4) + checked +
         highest_first(static_cast<uint32_t>(crc), 4);
}

inline std::string png_bytes(const Png& png) {
  std::string rows;
  const size_t row_samples = png.samples.size() / png.height;
  for (size_t i = 0; i < png.samples.size(); ++i) {
    if (i % row_samples == 0) rows += '\0';  // no filter
    rows += highest_first(static_cast<uint32_t>(png.samples[i]), png.bit_depth / 8);
  }
  uLongf size = compressBound(static_cast<uLong>(rows.size()));
  std::string packed(size, '\0');
  EXPECT_EQ(compress(reinterpret_cast<Bytef*>(packed.data()), &size,
                     reinterpret_cast<const Bytef*>(rows.data()), static_cast<uLong>(rows.size())),
            Z_OK);
  packed.resize(size);
  std::string palette;
  for (const int value : png.palette) palette += static_cast<char>(value);
  std::string header = highest_first(png.width, 4) + highest_first(png.height, 4);
  header += static_cast<char>(png.bit_depth);
  header += static_cast<char>(png.colour_type);
  header += std::string(3, '\0');  // deflate, filters row by row, not interlaced
  return "\x89PNG\r\n\x1a\n" + png_chunk("IHDR", header) +
         (palette.empty() ? "" : png_chunk("PLTE", palette)) + png_chunk("IDAT", packed) +
         png_chunk("IEND", "");
}

/// All samples of `channels` (1 or 3) and height x width pixels have the value.
inline std::string plain_png(int value, int channels = 1, uint32_t height = 2, uint32_t width = 3) {
  return png_bytes({.width = width,
                    .height = height,
                    .colour_type = channels == 1 ? 0 : 2,
                    .samples = std::vector<int>(size_t{height} * width * channels, value)});
}

/// pixels (C, H, W) uint8, C = 1 grey, 3 colour or 4 CMYK, at quality 100 and without thinning colours.
inline std::string jpeg_bytes(const torch::Tensor& pixels) {
  const auto rows = pixels.permute({1, 2, 0}).contiguous();
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_height = static_cast<JDIMENSION>(rows.size(0));
  info.image_width = static_cast<JDIMENSION>(rows.size(1));
  info.input_components = static_cast<int>(rows.size(2));
  info.in_color_space = rows.size(2) == 1 ? JCS_GRAYSCALE : rows.size(2) == 3 ? JCS_RGB : JCS_CMYK;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 100, TRUE);
  info.comp_info[0].h_samp_factor = info.comp_info[0].v_samp_factor = 1;
  jpeg_start_compress(&info, TRUE);
  for (int64_t y = 0; y < rows.size(0); ++y) {
    JSAMPROW row = rows[y].data_ptr<uint8_t>();
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string bytes(reinterpret_cast<char*>(memory), size);
  std::free(memory);
  return bytes;
}

}  // namespace expunge
