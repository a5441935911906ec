#include "expunge/data/cifar_binary.h"

#include <ATen/ops/cat.h>

#include <cstring>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int64_t side = 32;
constexpr int64_t image_bytes = 3 * side * side;

std::vector<std::string> read_names(const fs::path& path, size_t count) {
  std::vector<std::string> names;
  const auto text = read_file(path);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    std::string name = text.substr(begin, end - begin);
    if (!name.empty() && name.back() == '\r') name.pop_back();
    if (!name.empty()) names.push_back(name);
    begin = end + 1;
  }
  if (names.size() != count)
    fail<InputError>("{}: {} class names required, got {}", path.string(), count, names.size());
  return names;
}

// Records of `label_bytes` labels, the last of which is used, and the image.
void read_records(const fs::path& path, int64_t label_bytes, std::vector<torch::Tensor>& images,
                  std::vector<torch::Tensor>& labels) {
  const MappedFile file(path);
  const int64_t record = label_bytes + image_bytes;
  const auto size = static_cast<int64_t>(file.size());
  if (size == 0 || size % record != 0) {
    fail<InputError>("{}: a multiple of {} bytes required (one record), got {}", path.string(),
                     record, size);
  }
  const int64_t count = size / record;
  auto* bytes = const_cast<std::byte*>(file.data());
  const auto records = torch::from_blob(bytes, {count, record}, torch::kUInt8);
  labels.push_back(records.select(1, label_bytes - 1).to(torch::kInt64));
  images.push_back(records.narrow(1, label_bytes, image_bytes).reshape({count, 3, side, side}).clone());
}

Dataset read_part(const std::vector<fs::path>& files, int64_t label_bytes, const std::string& name,
                  const std::vector<std::string>& class_names) {
  std::vector<torch::Tensor> images;
  std::vector<torch::Tensor> labels;
  for (const auto& file : files) read_records(file, label_bytes, images, labels);
  Dataset data{name, at::cat(images), at::cat(labels), class_names};
  data.validate(files.front().parent_path().string() + ", " + name);
  return data;
}

}  // namespace

DataSplit read_cifar10(const fs::path& folder) {
  const auto names = read_names(folder / "batches.meta.txt", 10);
  std::vector<fs::path> batches;
  for (int k = 1; k <= 5; ++k) batches.push_back(folder / fmt::format("data_batch_{}.bin", k));
  return {read_part(batches, 1, "CIFAR-10, train", names),
          read_part({folder / "test_batch.bin"}, 1, "CIFAR-10, test", names)};
}

DataSplit read_cifar100(const fs::path& folder) {
  const auto names = read_names(folder / "fine_label_names.txt", 100);
  return {read_part({folder / "train.bin"}, 2, "CIFAR-100, train", names),
          read_part({folder / "test.bin"}, 2, "CIFAR-100, test", names)};
}

}  // namespace expunge
