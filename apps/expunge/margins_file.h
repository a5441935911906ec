// Margins as the commands take them.
#pragma once

#include <torch/types.h>

#include <string>

namespace expunge::app {

/// Margins (models, points) float32 of a .npy file, at least one point, mapped from disk. InputError
/// names the file for anything else.
torch::Tensor margins_in(const std::string& path);

}  // namespace expunge::app
