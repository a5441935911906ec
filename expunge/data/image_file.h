// Decoding one JPEG or PNG file.
#pragma once

#include <torch/types.h>

#include <filesystem>

namespace expunge {

/// (C, H, W) uint8, C = 1 for grey and 3 for colour images; by content, not by name. Palettes,
/// 16-bit samples and transparency of PNG are turned into that. InputError names the file and the
/// decoder's complaint; images of more than 64 million pixels are refused.
torch::Tensor read_image(const std::filesystem::path& path);

/// Mean over blocks of factor x factor pixels of images (n, C, H, W) uint8, rounded to nearest.
/// InputError if the factor does not divide height and width.
torch::Tensor downscaled(const torch::Tensor& images, int64_t factor, const std::string& where);

}  // namespace expunge
