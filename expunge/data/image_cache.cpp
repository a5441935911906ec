#include "expunge/data/image_cache.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <numeric>
#include <optional>

#include "expunge/core/atomic_file.h"
#include "expunge/core/crc32.h"
#include "expunge/core/error.h"
#include "expunge/core/json_number.h"
#include "expunge/core/npy.h"
#include "expunge/core/safetensors.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

constexpr int cache_version = 1;

class ImageCache {
 public:
  ImageCache(const ImageDecoder& decoder, const fs::path& folder)
      : decoder_(decoder), folder_(folder / decoder.digest()) {}

  [[nodiscard]] DecodedImages read_or_make() const {
    if (!fs::exists(folder_ / "images.json")) make();
    return read();
  }

 private:
  [[nodiscard]] fs::path block_path(int64_t block) const {
    return folder_ / "blocks" / fmt::format("{:05}.safetensors", block);
  }

  void write_block(int64_t index, const ImageBlock& block) const {
    std::vector<std::pair<std::string, torch::Tensor>> tensors;
    tensors.emplace_back("kept", torch::tensor(block.kept, torch::kInt64));
    if (block.images.defined()) tensors.emplace_back("images", block.images.contiguous());
    write_safetensors(block_path(index), tensors,
                      {{"skipped", nlohmann::json(block.skipped).dump()}});
  }

  // Whether it can be what decoding the files of that block gave.
  [[nodiscard]] bool is_sound(const ImageBlock& block, int64_t index) const {
    const auto [begin, end] = decoder_.files_of(index);
    const auto& kept = block.kept;
    if (std::ssize(kept) + std::ssize(block.skipped) != end - begin) return false;
    for (size_t i = 0; i < kept.size(); ++i) {
      if (kept[i] < (i == 0 ? begin : kept[i - 1] + 1) || kept[i] >= end) return false;
    }
    if (!block.images.defined()) return kept.empty();
    const auto& images = block.images;
    return images.dim() == 4 && images.scalar_type() == torch::kUInt8 && images.numel() > 0 &&
           images.size(0) == std::ssize(kept) && (images.size(1) == 1 || images.size(1) == 3);
  }

  // nullopt where it is not there, or not sound: it is decoded again.
  [[nodiscard]] std::optional<ImageBlock> read_block(int64_t index) const {
    if (!fs::exists(block_path(index))) return std::nullopt;
    try {
      const auto file = read_safetensors(block_path(index));
      ImageBlock block;
      for (const auto& [name, tensor] : file.tensors) {
        if (name == "images") block.images = tensor;
        if (name != "kept") continue;
        const auto* kept = tensor.data_ptr<int64_t>();
        block.kept.assign(kept, kept + tensor.numel());
      }
      block.skipped =
          nlohmann::json::parse(file.metadata.at("skipped")).get<std::vector<std::string>>();
      if (!is_sound(block, index)) return std::nullopt;
      return block;
    } catch (const std::exception&) {
      return std::nullopt;
    }
  }

  [[nodiscard]] ImageBlock block_of(int64_t index) const {
    if (auto there = read_block(index)) return *std::move(there);
    const auto block = decoder_.decode(index);
    write_block(index, block);
    return block;
  }

  void make() const {
    fs::create_directories(folder_ / "blocks");
    int64_t resumed = 0;
    while (resumed < decoder_.blocks() && fs::exists(block_path(resumed))) ++resumed;
    decoder_.tell(resumed, resumed);
    ImageJoining joining(decoder_);
    for (int64_t b = 0; b < decoder_.blocks(); ++b) {
      joining.add(block_of(b));
      if (b >= resumed) decoder_.tell(b + 1, resumed);
    }
    joining.require_some();

    const auto& first = joining.first();
    NpyWriter writer(folder_ / "images.npy", torch::kUInt8,
                     {joining.count(), joining.channels(), first.size(2), first.size(3)});
    uint32_t crc = 0;
    for (int64_t b = 0; b < decoder_.blocks(); ++b) {
      const auto block = block_of(b);
      if (!block.images.defined()) continue;
      const auto images = with_channels(block.images, joining.channels());
      writer.append(images);
      crc = checksum(images, crc);
    }
    writer.finish();
    const nlohmann::ordered_json record = {
        {"format_version", cache_version},
        {"name", decoder_.list().name},
        {"files", decoder_.list().files.size()},
        {"images", joining.count()},
        {"skipped", joining.skipped()},
        {"kept", joining.skipped().empty() ? std::vector<int64_t>{} : joining.kept()},
        {"crc32", crc}};
    write_file_atomically(folder_ / "images.json", record.dump(1) + "\n");
    std::error_code none;
    fs::remove_all(folder_ / "blocks", none);
  }

  static uint32_t checksum(const torch::Tensor& images, uint32_t before = 0) {
    return crc32_of(images.data_ptr(), static_cast<size_t>(images.numel()), before);
  }

  [[nodiscard]] DecodedImages read() const {
    const auto path = folder_ / "images.json";
    const auto damaged = [&](const std::string& what) {
      fail<InputError>("{}: {}; remove the folder, and it is made again", folder_.string(), what);
    };
    DecodedImages result;
    int64_t crc = 0;
    int64_t count = 0;
    try {
      const auto record = nlohmann::json::parse(read_file(path));
      if (const auto version = whole_number(record.at("format_version"));
          version != cache_version) {
        fail<InputError>("{}: format version {} required, got {}", path.string(), cache_version,
                         version);
      }
      crc = whole_number(record.at("crc32"));
      count = whole_number(record.at("images"));
      record.at("skipped").get_to(result.skipped);
      for (const auto& index : record.at("kept")) result.kept.push_back(whole_number(index));
    } catch (const nlohmann::json::exception&) {
      damaged("images.json is damaged");
    }
    const auto files = std::ssize(decoder_.list().files);
    if (result.skipped.empty()) {
      result.kept.resize(static_cast<size_t>(files));
      std::iota(result.kept.begin(), result.kept.end(), int64_t{0});
    }
    const bool ascends = std::is_sorted(result.kept.begin(), result.kept.end());
    if (std::ssize(result.kept) != count || !ascends ||
        (count > 0 && (result.kept.front() < 0 || result.kept.back() >= files)))
      damaged("images.json does not fit the files");
    result.images = map_npy(folder_ / "images.npy");
    if (result.images.dim() != 4 || result.images.scalar_type() != torch::kUInt8 ||
        result.images.size(0) != count || !result.images.is_contiguous() ||
        checksum(result.images) != crc)
      damaged("images.npy is not what was decoded");
    return result;
  }

  const ImageDecoder& decoder_;
  fs::path folder_;
};

}  // namespace

DecodedImages cached_images(const ImageDecoder& decoder, const fs::path& cache) {
  return ImageCache(decoder, cache).read_or_make();
}

}  // namespace expunge
