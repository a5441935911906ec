// The IDX format of MNIST and its kin, plain or gzip-compressed.
#pragma once

#include <filesystem>

#include "expunge/data/dataset.h"

namespace expunge {

/// Reads <prefix>-images-idx3-ubyte[.gz] and <prefix>-labels-idx1-ubyte[.gz] in `folder`; prefix is
/// "train" or "t10k". Images (n, 1, H, W) uint8. Class names are Fashion-MNIST's where the folder's
/// name says so, else the digits. InputError for wrong magic numbers, sizes and trailing bytes.
Dataset read_idx(const std::filesystem::path& folder, const std::string& prefix);

/// One IDX file of unsigned bytes of any rank, as a tensor of its shape.
torch::Tensor read_idx_array(const std::filesystem::path& path, int64_t rank);

}  // namespace expunge
