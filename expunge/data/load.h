// Any of the formats that data comes in, by one set of options.
#pragma once

#include <string>

#include "expunge/core/options.h"
#include "expunge/core/progress.h"
#include "expunge/data/dataset.h"
#include "expunge/data/image_decoding.h"
#include "expunge/data/living17.h"

namespace expunge {

enum class DataFormat { idx, cifar10, cifar100, folder, npy, living17 };

struct DataOptions {
  DataFormat format = DataFormat::idx;
  std::string path = "/usr/share/datasets/fashion-mnist";
  int64_t train_examples = 2000;       // the first ones; 0 for all
  int64_t validation_examples = 1000;  // the first ones; 0 for all
  int64_t train_per_class = 0;         // instead of train_examples; 0 for off
  int64_t validation_per_class = 0;    // instead of validation_examples; 0 for off
  int64_t downscale = 1;               // images shrunk by this factor
  bool normalise = true;               // see DataSplit
  // Of formats folder and living17:
  int64_t image_size =
      0;  // side of the square that images are brought to; 0: as they are, all of one size
  UnreadableImages unreadable = UnreadableImages::refuse;
  std::string cache = {};  // folder that keeps what was decoded; empty: none
  // Of format living17:
  Living17Domain domain = Living17Domain::both;

  void validate() const;
};
OptionGroup options_of(DataOptions& options);

/// Reads both parts. SystemError if a file cannot be read; InputError if one is not sound, if there
/// are fewer examples than asked for, or if the parts differ in image size, dtype or class names. Progress of
/// decoding is told as "decoding".
DataSplit load_data(const DataOptions& options, ProgressSink* progress = nullptr);

}  // namespace expunge
