// Images as PNG, inside a page.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace expunge {

/// `image` as the bytes of a PNG file: 8 bits a channel, without a time stamp, so the same pixels
/// give the same bytes with the same libpng and zlib.
///
/// image: (C, H, W), C = 1 (grey) or 3 (RGB), on the CPU; uint8, or a floating type with values in
/// [0, 1], rounded to the nearest of 256 levels. Values up to 1e-3 outside (what is left after a
/// normalisation is undone) are clipped.
/// Throws InputError for another shape or type or values further out, NonFiniteError for NaN and
/// infinity.
std::vector<uint8_t> encode_png(const torch::Tensor& image);

/// "data:image/png;base64,..." of encode_png(image): only characters that are safe in an attribute.
std::string png_data_uri(const torch::Tensor& image);

/// RFC 4648 section 4, with padding.
std::string base64(std::span<const uint8_t> bytes);

}  // namespace expunge
