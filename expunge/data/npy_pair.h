// Data sets kept as NumPy arrays.
#pragma once

#include <filesystem>

#include "expunge/data/dataset.h"

namespace expunge {

/// Reads train_images.npy, train_labels.npy, val_images.npy and val_labels.npy in `folder`. Images
/// uint8 or float32 of shape (n, H, W), (n, C, H, W), or (n, d), which becomes (n, 1, 1, d); labels
/// (n) of any whole-number dtype, from 0. Class names are those of class_names.txt, one a line,
/// where it is there, else the numbers.
DataSplit read_npy_pairs(const std::filesystem::path& folder);

}  // namespace expunge
