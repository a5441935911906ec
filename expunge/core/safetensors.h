// Weight files in the safetensors format: an 8-byte length, a JSON header, the tensors' bytes.
//
// dtypes: BOOL, U8, I32, I64, F16, BF16, F32, F64, little-endian.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace expunge {

struct SafetensorsFile {
  std::vector<std::pair<std::string, torch::Tensor>> tensors;  // in the order of their bytes
  std::map<std::string, std::string> metadata;
};

/// Tensors of their own memory. InputError for a header that is no JSON, too long (100 MB) or holds
/// a name twice, unknown dtypes, and bytes that overlap, leave gaps or do not fit shape, dtype or
/// file.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

/// Writes the tensors in the order given: the same bytes for the same content. Whole or not at all.
/// Error for a name that is there twice and for dtypes other than the above.
void write_safetensors(const std::filesystem::path& path,
                       const std::vector<std::pair<std::string, torch::Tensor>>& tensors,
                       const std::map<std::string, std::string>& metadata);

}  // namespace expunge
