// Any of the formats that data comes in, by one set of options.
#pragma once

#include <string>

#include "expunge/core/options.h"
#include "expunge/data/dataset.h"

namespace expunge {

enum class DataFormat { idx, cifar10, cifar100, folder, npy };

struct DataOptions {
  DataFormat format = DataFormat::idx;
  std::string path = "/usr/share/datasets/fashion-mnist";
  int64_t train_examples = 2000;       // the first ones; 0 for all
  int64_t validation_examples = 1000;  // the first ones; 0 for all
  int64_t train_per_class = 0;         // instead of train_examples; 0 for off
  int64_t validation_per_class = 0;    // instead of validation_examples; 0 for off
  int64_t downscale = 1;               // images shrunk by this factor
  bool normalise = true;               // see DataSplit

  void validate() const;
};
OptionGroup options_of(DataOptions& options);

/// Reads both parts. SystemError if a file cannot be read; InputError if one is not sound, if there
/// are fewer examples than asked for, or if the parts differ in image size, dtype or class names.
DataSplit load_data(const DataOptions& options);

}  // namespace expunge
