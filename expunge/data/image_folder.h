// Images in folders, one a class or one a subpopulation.
#pragma once

#include <filesystem>

#include "expunge/core/progress.h"
#include "expunge/data/dataset.h"
#include "expunge/data/image_decoding.h"

namespace expunge {

struct ImageFolderOptions {
  DecodingOptions decoding = {};
  int64_t per_class = 0;  // of the training part, the first so many files of each class; 0 for all
  int64_t validation_per_class = 0;  // of the other part
  // Where a class has several folders; empty: every folder is a class.
  std::vector<ImageClass> classes = {};
  int64_t count = 0;  // with `classes`, of the training part, the first so many files; 0 for all
  int64_t validation_count = 0;  // of the other part
};

/// Reads <folder>/train/<class>/* and <folder>/test/<class>/* (or val instead of test; with `classes` val, or else
/// test) as list_images() or, with `classes`, list_subpopulations() lists them and decode_images() decodes them (where
/// files may be skipped, all of them): images (n, C, H, W) uint8, grey ones widened to colour where both occur in
/// either part; groups with `classes` only. Throws as those do.
DataSplit read_image_folder(const std::filesystem::path& folder,
                            const ImageFolderOptions& options = {},
                            ProgressSink* progress = nullptr);

/// A list of images as a data set; what was skipped is in Dataset::skipped.
Dataset decoded_dataset(const ImageList& list, const DecodingOptions& options,
                        ProgressSink* progress = nullptr);

}  // namespace expunge
