#include "expunge/data/image_folder.h"

#include <algorithm>

namespace expunge {

namespace fs = std::filesystem;

Dataset decoded_dataset(const ImageList& list, const DecodingOptions& options,
                        ProgressSink* progress) {
  auto decoded = decode_images(list, options, progress);
  Dataset data;
  data.name = list.name;
  data.class_names = list.class_names;
  data.images = std::move(decoded.images);
  data.skipped = std::move(decoded.skipped);
  const auto kept = torch::tensor(decoded.kept, torch::kInt64);
  data.labels = torch::tensor(list.labels, torch::kInt64).index_select(0, kept);
  if (!list.groups.empty()) {
    data.groups = torch::tensor(list.groups, torch::kInt64).index_select(0, kept);
    data.group_names = list.group_names;
  }
  data.validate(list.folder.string());
  return data;
}

DataSplit read_image_folder(const fs::path& folder, const ImageFolderOptions& options,
                            ProgressSink* progress) {
  // ImageNet's own test/ has no labels.
  const bool val_first = !options.classes.empty();
  const auto preferred = folder / (val_first ? "val" : "test");
  const auto test = fs::is_directory(preferred) ? preferred : folder / (val_first ? "test" : "val");
  // Where files are skipped, others take their places: nobody knows yet which.
  const bool skips = options.decoding.unreadable == UnreadableImages::skip;
  const auto part = [&](const fs::path& of, int64_t per_class, int64_t count) {
    if (skips) per_class = count = 0;
    const auto list = options.classes.empty()
                          ? list_images(of, per_class)
                          : list_subpopulations(of, options.classes, per_class, count);
    return decoded_dataset(list, options.decoding, progress);
  };
  DataSplit split{part(folder / "train", options.per_class, options.count),
                  part(test, options.validation_per_class, options.validation_count)};
  const int64_t channels = std::max(split.train.images.size(1), split.validation.images.size(1));
  for (auto* data : {&split.train, &split.validation})
    data->images = data->images.expand({-1, channels, -1, -1}).contiguous();
  return split;
}

}  // namespace expunge
