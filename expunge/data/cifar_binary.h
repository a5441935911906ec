// The binary version of CIFAR-10 and CIFAR-100 (Krizhevsky, 2009).
#pragma once

#include <filesystem>

#include "expunge/data/dataset.h"

namespace expunge {

/// CIFAR-10: data_batch_1.bin ... data_batch_5.bin and test_batch.bin of records of one label and
/// 3,072 pixels, names in batches.meta.txt. Images (n, 3, 32, 32) uint8.
DataSplit read_cifar10(const std::filesystem::path& folder);

/// CIFAR-100: train.bin and test.bin of records of a coarse label, a fine label and 3,072 pixels;
/// the fine labels are used, names in fine_label_names.txt.
DataSplit read_cifar100(const std::filesystem::path& folder);

}  // namespace expunge
