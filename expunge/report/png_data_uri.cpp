#include "expunge/report/png_data_uri.h"

#include <png.h>

#include "expunge/core/error.h"

namespace expunge {
namespace {

/// (H, W, C) uint8, contiguous.
torch::Tensor pixels_of(const torch::Tensor& image) {
  if (!image.defined() || image.dim() != 3 || (image.size(0) != 1 && image.size(0) != 3) ||
      image.numel() == 0) {
    fail<InputError>(
        "image: expected shape (1 or 3, H, W), got {}",
        image.defined() ? fmt::format("({})", fmt::join(image.sizes(), ", ")) : "no tensor");
  }
  torch::Tensor levels = image;
  if (image.is_floating_point()) {
    const torch::Tensor values = image.to(torch::kFloat32);
    if (!torch::isfinite(values).all().item<bool>()) {
      fail<NonFiniteError>("image: expected finite pixels, got NaN or infinity");
    }
    const double low = values.min().item<double>();
    const double high = values.max().item<double>();
    if (low < -1e-3 || high > 1 + 1e-3) {
      fail<InputError>("image: expected pixels in [0, 1], got [{}, {}]", low, high);
    }
    levels = (values.clamp(0, 1) * 255).round().to(torch::kUInt8);
  } else if (image.scalar_type() != torch::kUInt8) {
    fail<InputError>("image: expected uint8 or floating pixels, got {}",
                     c10::toString(image.scalar_type()));
  }
  return levels.permute({1, 2, 0}).contiguous();
}

}  // namespace

std::vector<uint8_t> encode_png(const torch::Tensor& image) {
  const torch::Tensor pixels = pixels_of(image);
  png_image header{};
  header.version = PNG_IMAGE_VERSION;
  header.height = static_cast<png_uint_32>(pixels.size(0));
  header.width = static_cast<png_uint_32>(pixels.size(1));
  header.format = pixels.size(2) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(header);
  std::vector<uint8_t> bytes(size);
  if (!png_image_write_to_memory(&header, bytes.data(), &size, 0, pixels.data_ptr<uint8_t>(), 0,
                                 nullptr)) {
    fail<InputError>("image of {} x {} pixels: libpng refused it: {}", header.width, header.height,
                     header.message);
  }
  bytes.resize(size);
  return bytes;
}

std::string base64(std::span<const uint8_t> bytes) {
  constexpr char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t have = std::min<size_t>(3, bytes.size() - i);
    uint32_t block = 0;
    for (size_t k = 0; k < 3; ++k) block = block << 8 | (k < have ? bytes[i + k] : 0);
    for (size_t k = 0; k < 4; ++k) text += k <= have ? digits[block >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

std::string png_data_uri(const torch::Tensor& image) {
  return "data:image/png;base64," + base64(encode_png(image));
}

}  // namespace expunge
