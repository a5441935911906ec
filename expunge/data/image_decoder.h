// A list of image files decoded a block at a time: what decoding into memory and into a cache have in common.
#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

#include "expunge/data/image_decoding.h"

namespace expunge {

/// Some consecutive files of a list, decoded.
struct ImageBlock {
  torch::Tensor images;              // (k, C, H, W) uint8; undefined where none could be read
  std::vector<int64_t> kept;         // (k) indices into the list
  std::vector<std::string> skipped;  // of the others: the file and the decoder's complaint
};

/// Refers to the list and the options, which must outlive it.
class ImageDecoder {
 public:
  ImageDecoder(const ImageList& list, const DecodingOptions& options, ProgressSink* progress)
      : list_(list), options_(options), progress_(progress) {}

  [[nodiscard]] int64_t blocks() const;
  /// The first file of a block, and the one behind its last.
  [[nodiscard]] std::pair<int64_t, int64_t> files_of(int64_t block) const;
  /// Throws as decode_images() does.
  [[nodiscard]] ImageBlock decode(int64_t block) const;
  /// InputError unless images (k, C, H, W) have the pixels of `first`; both are named by their indices in the list.
  void require_size(const torch::Tensor& images, int64_t index, const torch::Tensor& first,
                    int64_t first_index) const;
  void tell(int64_t blocks_done, int64_t resumed) const;
  /// Of what decides the images: names, sizes and times of the files, and the options.
  [[nodiscard]] std::string digest() const;
  [[nodiscard]] const ImageList& list() const { return list_; }

 private:
  const ImageList& list_;
  const DecodingOptions& options_;
  ProgressSink* progress_;
};

/// The blocks of a list one after the other, checked against the first image.
class ImageJoining {
 public:
  explicit ImageJoining(const ImageDecoder& decoder) : decoder_(decoder) {}

  void add(const ImageBlock& block);
  /// InputError if nothing could be read.
  void require_some() const;

  [[nodiscard]] int64_t channels() const { return channels_; }
  [[nodiscard]] int64_t count() const { return std::ssize(kept_); }
  [[nodiscard]] const torch::Tensor& first() const { return first_; }
  [[nodiscard]] const std::vector<int64_t>& kept() const { return kept_; }
  [[nodiscard]] const std::vector<std::string>& skipped() const { return skipped_; }

 private:
  const ImageDecoder& decoder_;
  torch::Tensor first_;  // (1, C, H, W)
  int64_t first_index_ = 0;
  int64_t channels_ = 1;
  std::vector<int64_t> kept_;
  std::vector<std::string> skipped_;
};

/// images (k, C, H, W), grey ones repeated where `channels` is 3.
torch::Tensor with_channels(const torch::Tensor& images, int64_t channels);

}  // namespace expunge
