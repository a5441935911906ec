#include "expunge/data/image_decoding.h"

#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/cat.h>

#include <algorithm>

#include "expunge/data/image_cache.h"
#include "expunge/data/image_decoder.h"

namespace expunge {
namespace {

DecodedImages decode_into_memory(const ImageDecoder& decoder) {
  ImageJoining joining(decoder);
  std::vector<torch::Tensor> parts;
  decoder.tell(0, 0);
  for (int64_t b = 0; b < decoder.blocks(); ++b) {
    const auto block = decoder.decode(b);
    joining.add(block);
    if (block.images.defined()) parts.push_back(block.images);
    decoder.tell(b + 1, 0);
  }
  joining.require_some();
  for (auto& part : parts) part = with_channels(part, joining.channels());
  return {at::cat(parts), joining.kept(), joining.skipped()};
}

}  // namespace

torch::Tensor resized(const torch::Tensor& image, int64_t size) {
  const int64_t height = image.size(1), width = image.size(2);
  if (height == size && width == size) return image;
  const int64_t shorter = std::min(height, width);
  const int64_t to_height = std::max(size, size * height / shorter);
  const int64_t to_width = std::max(size, size * width / shorter);
  const auto scaled = at::_upsample_bilinear2d_aa(image.unsqueeze(0).to(torch::kFloat32),
                                                  {to_height, to_width}, /*align_corners=*/false)
                          .round()
                          .clamp(0, 255)
                          .to(torch::kUInt8)
                          .squeeze(0);
  return scaled.narrow(1, (to_height - size) / 2, size)
      .narrow(2, (to_width - size) / 2, size)
      .contiguous();
}

DecodedImages decode_images(const ImageList& list, const DecodingOptions& options,
                            ProgressSink* progress) {
  const ImageDecoder decoder(list, options, progress);
  return options.cache.empty() ? decode_into_memory(decoder)
                               : cached_images(decoder, options.cache);
}

}  // namespace expunge
