#include "expunge/data/image_file.h"

// jpeglib.h needs stdio first.
#include <cstdio>
//
#include <jpeglib.h>
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

constexpr int64_t most_pixels = int64_t{64} << 20;

// libjpeg reports errors by a callback that must not return: it jumps back to the decoder.
struct JpegErrors {
  jpeg_error_mgr base;
  std::jmp_buf jump;
  char message[JMSG_LENGTH_MAX];
};

[[noreturn]] void on_jpeg_error(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  errors->base.format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Warnings (a file that ends too early) count as errors: half an image is no training example.
void on_jpeg_message(j_common_ptr info, int level) {
  if (level < 0) on_jpeg_error(info);
}

// Decodes into rows of interleaved samples; false with errors.message set if that fails. Holds no
// C++ object across setjmp that a jump could skip.
bool decode_jpeg(const unsigned char* bytes, size_t size, JpegErrors& errors,
                 unsigned char** pixels, int64_t* height, int64_t* width, int64_t* channels) {
  jpeg_decompress_struct info;
  std::memset(&info, 0, sizeof(info));
  info.err = ::jpeg_std_error(&errors.base);
  errors.base.error_exit = on_jpeg_error;
  errors.base.emit_message = on_jpeg_message;
  if (setjmp(errors.jump) != 0) {
    ::jpeg_destroy_decompress(&info);
    return false;
  }
  ::jpeg_create_decompress(&info);
  ::jpeg_mem_src(&info, bytes, static_cast<unsigned long>(size));
  ::jpeg_read_header(&info, TRUE);
  info.out_color_space = info.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  if (static_cast<int64_t>(info.image_width) * info.image_height > most_pixels) {
    std::snprintf(errors.message, sizeof(errors.message), "more than %lld pixels",
                  static_cast<long long>(most_pixels));
    ::jpeg_destroy_decompress(&info);
    return false;
  }
  ::jpeg_start_decompress(&info);
  *height = info.output_height;
  *width = info.output_width;
  *channels = info.output_components;
  const size_t row_bytes = static_cast<size_t>(*width * *channels);
  *pixels = static_cast<unsigned char*>(std::malloc(row_bytes * info.output_height));
  if (*pixels == nullptr) {
    std::snprintf(errors.message, sizeof(errors.message), "out of memory");
    ::jpeg_destroy_decompress(&info);
    return false;
  }
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = *pixels + row_bytes * info.output_scanline;
    ::jpeg_read_scanlines(&info, &row, 1);
  }
  ::jpeg_finish_decompress(&info);
  ::jpeg_destroy_decompress(&info);
  return true;
}

torch::Tensor planes_of(const unsigned char* interleaved, int64_t height, int64_t width,
                        int64_t channels) {
  return torch::from_blob(const_cast<unsigned char*>(interleaved), {height, width, channels},
                          torch::kUInt8)
      .permute({2, 0, 1})
      .clone(
          at::MemoryFormat::Contiguous);  // contiguous() does not copy where there is one channel
}

torch::Tensor read_jpeg(const MappedFile& file, const std::string& where) {
  JpegErrors errors{};
  unsigned char* pixels = nullptr;
  int64_t height = 0;
  int64_t width = 0;
  int64_t channels = 0;
  const bool decoded = decode_jpeg(reinterpret_cast<const unsigned char*>(file.data()), file.size(),
                                   errors, &pixels, &height, &width, &channels);
  const std::unique_ptr<unsigned char, decltype(&std::free)> owner(pixels, &std::free);
  if (!decoded) fail<InputError>("{}: not a sound JPEG: {}", where, errors.message);
  return planes_of(pixels, height, width, channels);
}

torch::Tensor read_png(const MappedFile& file, const std::string& where) {
  png_image image;
  std::memset(&image, 0, sizeof(image));
  image.version = PNG_IMAGE_VERSION;
  if (::png_image_begin_read_from_memory(&image, file.data(), file.size()) == 0) {
    fail<InputError>("{}: not a sound PNG: {}", where, image.message);
  }
  const bool colour = (image.format & PNG_FORMAT_FLAG_COLOR) != 0;
  image.format = colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  image.flags |= PNG_IMAGE_FLAG_16BIT_sRGB;  // else 16-bit samples are taken for linear light
  const int64_t channels = colour ? 3 : 1;
  if (static_cast<int64_t>(image.width) * image.height > most_pixels) {
    ::png_image_free(&image);
    fail<InputError>("{}: at most {} pixels allowed, got {} x {}", where, most_pixels, image.width,
                     image.height);
  }
  std::vector<unsigned char> pixels(PNG_IMAGE_SIZE(image));
  const png_color background = {0, 0, 0};
  if (::png_image_finish_read(&image, &background, pixels.data(), 0, nullptr) == 0) {
    fail<InputError>("{}: not a sound PNG: {}", where, image.message);
  }
  return planes_of(pixels.data(), image.height, image.width, channels);
}

}  // namespace

torch::Tensor read_image(const std::filesystem::path& path) {
  const MappedFile file(path);
  const auto text = file.text();
  if (text.substr(0, 2) == "\xff\xd8") return read_jpeg(file, path.string());
  if (text.substr(0, 4) == "\x89PNG") return read_png(file, path.string());
  fail<InputError>("{}: a JPEG or PNG required, the file begins as neither", path.string());
}

torch::Tensor downscaled(const torch::Tensor& images, int64_t factor, const std::string& where) {
  if (factor == 1) return images;
  const int64_t height = images.size(2);
  const int64_t width = images.size(3);
  if (factor < 1 || height % factor != 0 || width % factor != 0) {
    fail<InputError>("{}: a downscale factor that divides {} x {} pixels required, got {}", where,
                     height, width, factor);
  }
  auto blocks =
      images.to(torch::kFloat32)
          .view({images.size(0), images.size(1), height / factor, factor, width / factor, factor})
          .mean({3, 5});
  if (images.scalar_type() != torch::kUInt8) return blocks;
  return blocks.round().to(torch::kUInt8);
}

}  // namespace expunge
