// Images in folders, one a class.
#pragma once

#include <filesystem>

#include "expunge/data/dataset.h"

namespace expunge {

/// Reads <folder>/train/<class>/* and <folder>/test/<class>/* (or val instead of test): files that
/// end in .jpg, .jpeg or .png. Classes in alphabetic order; examples in the order class by class,
/// files by name. All images must have one size; images (n, C, H, W) uint8, grey ones widened to
/// colour where both occur in either part. Images are shrunk by `downscale` while they are read.
///
/// `per_class` > 0 reads the first so many files of each class of the training part, and
/// `validation_per_class` of the other.
DataSplit read_image_folder(const std::filesystem::path& folder, int64_t downscale = 1,
                            int64_t per_class = 0, int64_t validation_per_class = 0);

}  // namespace expunge
