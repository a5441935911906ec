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
  std::vector<int64_t> labels;
  for (const int64_t i : decoded.kept) labels.push_back(list.labels[static_cast<size_t>(i)]);
  data.labels = torch::tensor(labels, torch::kInt64);
  data.validate(list.folder.string());
  return data;
}

DataSplit read_image_folder(const fs::path& folder, const ImageFolderOptions& options,
                            ProgressSink* progress) {
  const auto test = fs::is_directory(folder / "test") ? folder / "test" : folder / "val";
  // Where files are skipped, others of their class take their places: nobody knows yet which.
  const bool skips = options.decoding.unreadable == UnreadableImages::skip;
  const auto part = [&](const fs::path& of, int64_t per_class) {
    if (skips) per_class = 0;
    return decoded_dataset(list_images(of, per_class), options.decoding, progress);
  };
  DataSplit split{part(folder / "train", options.per_class),
                  part(test, options.validation_per_class)};
  const int64_t channels = std::max(split.train.images.size(1), split.validation.images.size(1));
  for (auto* data : {&split.train, &split.validation})
    data->images = data->images.expand({-1, channels, -1, -1}).contiguous();
  return split;
}

}  // namespace expunge
