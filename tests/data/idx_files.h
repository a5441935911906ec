// IDX files written out by hand.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/put_file.h"

namespace expunge {

/// 00 00, the type (08: unsigned bytes), the rank, the sizes with their highest byte first, the
/// data.
inline std::string idx_bytes(const std::vector<uint32_t>& shape, const std::string& data,
                             char type = 8) {
  std::string bytes = {'\0', '\0', type, static_cast<char>(shape.size())};
  for (const uint32_t size : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 0xff);
  }
  return bytes + data;
}

/// `count` bytes that begin with `first` and rise by 1, so that each has its own value.
inline std::string rising_bytes(size_t count, int first = 0) {
  std::string bytes;
  for (size_t i = 0; i < count; ++i)
    bytes += static_cast<char>((first + static_cast<int>(i)) % 256);
  return bytes;
}

/// What gzip would make of it.
inline std::string gzipped(const std::string& bytes) {
  z_stream stream{};
  constexpr int gzip_format = 15 + 16;
  EXPECT_EQ(deflateInit2(&stream, 9, Z_DEFLATED, gzip_format, 9, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// One part of a data set of IDX files: an image of height x width rising bytes for each label.
inline void write_idx_part(const std::filesystem::path& folder, const std::string& prefix,
                           const std::string& labels, uint32_t height = 2, uint32_t width = 3) {
  const auto count = static_cast<uint32_t>(labels.size());
  put_file(folder / (prefix + "-images-idx3-ubyte"),
           idx_bytes({count, height, width}, rising_bytes(size_t{count} * height * width)));
  put_file(folder / (prefix + "-labels-idx1-ubyte"), idx_bytes({count}, labels));
}

}  // namespace expunge
