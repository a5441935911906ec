#include "expunge/data/image_decoder.h"

#include <ATen/ops/cat.h>

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/fnv1a.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/image_file.h"

namespace expunge {

namespace fs = std::filesystem;

int64_t ImageDecoder::blocks() const {
  return (std::ssize(list_.files) + options_.block - 1) / options_.block;
}

std::pair<int64_t, int64_t> ImageDecoder::files_of(int64_t block) const {
  const int64_t begin = block * options_.block;
  return {begin, std::min(begin + options_.block, std::ssize(list_.files))};
}

ImageBlock ImageDecoder::decode(int64_t block) const {
  const int64_t begin = files_of(block).first;
  const int64_t count = files_of(block).second - begin;
  std::vector<torch::Tensor> images(static_cast<size_t>(count));
  std::vector<std::string> complaints(static_cast<size_t>(count));
  parallel_for(count, options_.workers, [&](int64_t i) {
    const auto& file = list_.files[static_cast<size_t>(begin + i)];
    torch::Tensor image;
    try {
      image = read_image(file);
    } catch (const InputError& error) {
      if (options_.unreadable == UnreadableImages::refuse) throw;
      complaints[static_cast<size_t>(i)] = error.what();
      return;
    }
    if (options_.image_size > 0) image = resized(image, options_.image_size);
    images[static_cast<size_t>(i)] =
        downscaled(image.unsqueeze(0), options_.downscale, file.string()).squeeze(0);
  });
  ImageBlock result;
  std::vector<torch::Tensor> good;
  int64_t channels = 1;
  for (int64_t i = 0; i < count; ++i) {
    auto& image = images[static_cast<size_t>(i)];
    if (!image.defined()) {
      result.skipped.push_back(std::move(complaints[static_cast<size_t>(i)]));
      continue;
    }
    channels = std::max(channels, image.size(0));
    result.kept.push_back(begin + i);
    good.push_back(image.unsqueeze(0));
  }
  if (good.empty()) return result;
  for (size_t i = 0; i < good.size(); ++i) {
    require_size(good[i], result.kept[i], good.front(), result.kept.front());
    good[i] = with_channels(good[i], channels);
  }
  result.images = at::cat(good);
  return result;
}

void ImageDecoder::require_size(const torch::Tensor& images, int64_t index,
                                const torch::Tensor& first, int64_t first_index) const {
  if (images.sizes().slice(2) == first.sizes().slice(2)) return;
  fail<InputError>("{}: {} x {} pixels required, as in {}, got {} x {}",
                   list_.files[static_cast<size_t>(index)].string(), first.size(2), first.size(3),
                   list_.files[static_cast<size_t>(first_index)].string(), images.size(2),
                   images.size(3));
}

void ImageDecoder::tell(int64_t blocks_done, int64_t resumed) const {
  if (progress_ == nullptr) return;
  const auto files = [&](int64_t blocks) {
    return std::min(blocks * options_.block, std::ssize(list_.files));
  };
  progress_->update("decoding", files(blocks_done), std::ssize(list_.files), files(resumed));
}

std::string ImageDecoder::digest() const {
  std::string text = fmt::format("{} {} {} {}\n", options_.downscale, options_.image_size,
                                 static_cast<int>(options_.unreadable), options_.block);
  for (const auto& file : list_.files) {
    std::error_code error;
    const auto size = fs::file_size(file, error);
    const auto time = fs::last_write_time(file, error);
    if (error) fail<SystemError>("{}: cannot be read: {}", file.string(), error.message());
    text += fmt::format("{}\n{} {}\n", fs::absolute(file).lexically_normal().string(), size,
                        time.time_since_epoch().count());
  }
  return fmt::format("{:016x}", fnv1a(text.data(), text.size()));
}

void ImageJoining::add(const ImageBlock& block) {
  skipped_.insert(skipped_.end(), block.skipped.begin(), block.skipped.end());
  if (!block.images.defined()) return;
  if (!first_.defined()) {
    first_ = block.images.narrow(0, 0, 1).clone();
    first_index_ = block.kept.front();
  }
  decoder_.require_size(block.images, block.kept.front(), first_, first_index_);
  channels_ = std::max(channels_, block.images.size(1));
  kept_.insert(kept_.end(), block.kept.begin(), block.kept.end());
}

void ImageJoining::require_some() const {
  if (!kept_.empty()) return;
  fail<InputError>(
      "{}: at least one image that can be decoded required, got none of {}; the first: {}",
      decoder_.list().folder.string(), decoder_.list().files.size(), skipped_.front());
}

torch::Tensor with_channels(const torch::Tensor& images, int64_t channels) {
  if (images.size(1) == channels) return images;
  return images.expand({images.size(0), channels, images.size(2), images.size(3)}).contiguous();
}

}  // namespace expunge
