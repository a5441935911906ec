// JPEG and PNG. A PNG is read as it is and with checksums that fit, without which hardly any would be decoded.
#include "expunge/data/image_file.h"

#include <zlib.h>

#include "fuzz_input.h"

using namespace expunge;

namespace {

std::string with_checksums(std::string_view png) {
  std::string mended(png);
  const auto* bytes = reinterpret_cast<const unsigned char*>(png.data());
  const auto number = [&](size_t at) {
    return size_t{bytes[at]} << 24 | size_t{bytes[at + 1]} << 16 | size_t{bytes[at + 2]} << 8 |
           bytes[at + 3];
  };
  for (size_t at = 8; at + 12 <= png.size();) {  // length, name, data, checksum
    const size_t size = number(at);
    if (size > png.size() - at - 12) break;
    const auto sum = ::crc32(0, bytes + at + 4, static_cast<uInt>(size + 4));
    for (size_t i = 0; i < 4; ++i)
      mended[at + 8 + size + i] = static_cast<char>(sum >> (24 - 8 * i) & 0xff);
    at += size + 12;
  }
  return mended;
}

void read_as_user(const std::filesystem::path& path) {
  fuzz::reading([&] {
    const auto image = read_image(path);
    if (image.dim() != 3 || (image.size(0) != 1 && image.size(0) != 3))
      fuzz::broken("an image of one or three channels required");
    fuzz::touch(image);
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  const auto bytes = fuzz::text_of(data, size);
  read_as_user(scratch.put("image", bytes));
  if (bytes.starts_with("\x89PNG")) read_as_user(scratch.put("image", with_checksums(bytes)));
  return 0;
}
