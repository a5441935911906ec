#include "expunge/data/load.h"

#include <fmt/ranges.h>

#include "expunge/core/error.h"
#include "expunge/data/cifar_binary.h"
#include "expunge/data/idx.h"
#include "expunge/data/image_file.h"
#include "expunge/data/image_folder.h"
#include "expunge/data/npy_pair.h"

namespace expunge {
namespace {

// The classes are numbers: one part may lack the last of them.
DataSplit read_idx_parts(const std::string& folder) {
  DataSplit split{read_idx(folder, "train"), read_idx(folder, "t10k")};
  auto& fewer = split.train.classes() < split.validation.classes() ? split.train : split.validation;
  const auto& more = &fewer == &split.train ? split.validation : split.train;
  fewer.class_names = more.class_names;
  return split;
}

bool is_of_images(DataFormat format) {
  return format == DataFormat::folder || format == DataFormat::living17;
}

DataSplit read_all(const DataOptions& o, ProgressSink* progress) {
  switch (o.format) {
    case DataFormat::idx:
      return read_idx_parts(o.path);
    case DataFormat::cifar10:
      return read_cifar10(o.path);
    case DataFormat::cifar100:
      return read_cifar100(o.path);
    case DataFormat::npy:
      return read_npy_pairs(o.path);
    case DataFormat::folder:
    case DataFormat::living17:
      break;
  }
  ImageFolderOptions folder = {.decoding = {.downscale = o.downscale,
                                            .image_size = o.image_size,
                                            .unreadable = o.unreadable,
                                            .cache = o.cache},
                               .per_class = o.train_per_class,
                               .validation_per_class = o.validation_per_class};
  if (o.format == DataFormat::living17) {
    folder.classes = living17_classes(o.domain);
    if (o.train_per_class == 0) folder.count = o.train_examples;
    if (o.validation_per_class == 0) folder.validation_count = o.validation_examples;
  }
  return read_image_folder(o.path, folder, progress);
}

Dataset part_of(const Dataset& data, int64_t examples, int64_t per_class) {
  if (per_class > 0) return first_of_each_class(data, per_class, data.name);
  return examples > 0 ? first_examples(data, examples, data.name) : data;
}

}  // namespace

void DataOptions::validate() const {
  const auto require = [](bool holds, const char* option, int64_t got) {
    if (!holds)
      fail<OptionError>("option {}: a whole number of at least 0 required, got {}", option, got);
  };
  require(train_examples >= 0, "train_examples", train_examples);
  require(validation_examples >= 0, "validation_examples", validation_examples);
  require(train_per_class >= 0, "train_per_class", train_per_class);
  require(validation_per_class >= 0, "validation_per_class", validation_per_class);
  if (downscale < 1)
    fail<OptionError>("option downscale: a whole number of at least 1 required, got {}", downscale);
  require(image_size >= 0, "image_size", image_size);
  const bool decodes = image_size > 0 || unreadable != UnreadableImages::refuse || !cache.empty();
  if (decodes && !is_of_images(format)) {
    fail<OptionError>(
        "options image_size, unreadable and cache: format \"folder\" or \"living17\" required for "
        "them, got another");
  }
  if (domain != Living17Domain::both && format != DataFormat::living17)
    fail<OptionError>("option domain: format \"living17\" required for it, got another");
  if (path.empty()) fail<OptionError>("option path: the folder of the data required");
}

OptionGroup options_of(DataOptions& o) {
  OptionGroup group("data", "What is learnt and forgotten");
  group
      .add("format", o.format,
           {{"idx", DataFormat::idx},
            {"cifar10", DataFormat::cifar10},
            {"cifar100", DataFormat::cifar100},
            {"folder", DataFormat::folder},
            {"npy", DataFormat::npy},
            {"living17", DataFormat::living17}},
           "format of the files: MNIST's IDX, CIFAR's binary version, a folder of images for each "
           "class, NumPy arrays, ImageNet's folders of which Living-17 is made")
      .add("path", o.path, "folder of the data")
      .add("train_examples", o.train_examples, "training examples, the first ones; 0 for all",
           "examples")
      .add("validation_examples", o.validation_examples,
           "validation examples, the first ones; 0 for all", "examples")
      .add("train_per_class", o.train_per_class,
           "training examples of each class, the first ones, instead of train_examples; 0 for off",
           "examples")
      .add("validation_per_class", o.validation_per_class,
           "validation examples of each class, instead of validation_examples; 0 for off",
           "examples")
      .add("downscale", o.downscale, "factor by which images are shrunk, by averaging")
      .add("image_size", o.image_size,
           "side of the square that images of a folder are brought to, before downscale: the "
           "shorter "
           "side is scaled, the middle kept; 0: as they are, all of one size",
           "pixels")
      .add("unreadable", o.unreadable,
           {{"refuse", UnreadableImages::refuse}, {"skip", UnreadableImages::skip}},
           "what happens to files of a folder that cannot be decoded")
      .add("cache", o.cache,
           "folder that keeps decoded images, so that a folder of images is decoded once; empty: "
           "none")
      .add("domain", o.domain,
           {{"both", Living17Domain::both},
            {"source", Living17Domain::source},
            {"target", Living17Domain::target}},
           "which subpopulations of living17's classes: all four, or the two of BREEDS' source or "
           "target domain")
      .add("normalise", o.normalise,
           "bring each channel to mean 0 and deviation 1 over the training set; false: inputs as "
           "they are, "
           "bytes divided by 255");
  return group;
}

DataSplit load_data(const DataOptions& options, ProgressSink* progress) {
  options.validate();
  auto all = read_all(options, progress);
  DataSplit split{
      part_of(all.train, options.train_examples, options.train_per_class),
      part_of(all.validation, options.validation_examples, options.validation_per_class),
      options.normalise};
  if (!is_of_images(options.format)) {  // folders are shrunk while they are read
    for (auto* part : {&split.train, &split.validation}) {
      part->images = downscaled(part->images, options.downscale, part->name);
    }
  }
  if (split.train.images.sizes().slice(1) != split.validation.images.sizes().slice(1)) {
    fail<InputError>("{}: training and validation images of one size required, got ({}) and ({})",
                     options.path, fmt::join(split.train.images.sizes().slice(1), ", "),
                     fmt::join(split.validation.images.sizes().slice(1), ", "));
  }
  if (split.train.class_names != split.validation.class_names) {
    fail<InputError>(
        "{}: the same classes required in training and validation, got {} and {} of other names",
        options.path, split.train.classes(), split.validation.classes());
  }
  if (split.train.images.scalar_type() != split.validation.images.scalar_type()) {
    fail<InputError>("{}: training and validation images of one dtype required", options.path);
  }
  return split;
}

}  // namespace expunge
