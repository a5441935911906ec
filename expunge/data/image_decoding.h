// Many image files decoded once: in parallel, and where a cache is given into a file that is mapped from then on.
//
//   CACHE/<digest>/blocks/NNNNN.safetensors   512 files each, while the work goes on: it resumes after the last whole one
//   CACHE/<digest>/images.npy                 (n, C, H, W) uint8
//   CACHE/<digest>/images.json                written last: what was skipped, and a checksum of the images
//
// The digest is of the files' names, sizes and times and of how they are decoded: what has changed is decoded anew.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <vector>

#include "expunge/core/progress.h"
#include "expunge/data/image_list.h"

namespace expunge {

/// What happens to a file that no decoder reads.
enum class UnreadableImages { refuse, skip };

struct DecodingOptions {
  int64_t downscale = 1;  // shrunk by averaging over blocks of so many pixels a side
  int64_t image_size =
      0;  // 0: as they are, all of one size; else side of the square that they are brought to
  UnreadableImages unreadable = UnreadableImages::refuse;
  std::filesystem::path cache = {};  // empty: decoded into memory each time
  int64_t workers = 0;  // threads, 0: one a processor; the result does not depend on it
  int64_t block = 512;  // files that are decoded at a time
};

struct DecodedImages {
  torch::Tensor images;  // (k, C, H, W) uint8, C = 3 if any file is in colour, else 1; maybe mapped
  std::vector<int64_t> kept;         // (k) which files of the list they are, ascending
  std::vector<std::string> skipped;  // of the others: the file and the decoder's complaint
};

/// Decodes the files of a list. With image_size s the shorter side is brought to s pixels (bilinear, antialiased, as in
/// torchvision's Resize) and the middle s x s are kept. Progress is told as "decoding", in files.
/// InputError names a file that cannot be decoded, unless it is to be skipped, or whose size differs from the first
/// one's; and a cache that is damaged. InputError too if all files were skipped.
DecodedImages decode_images(const ImageList& list, const DecodingOptions& options,
                            ProgressSink* progress = nullptr);

/// Image (C, H, W) uint8 brought to (C, size, size) as decode_images() does.
torch::Tensor resized(const torch::Tensor& image, int64_t size);

}  // namespace expunge
