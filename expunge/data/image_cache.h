// Decoded images in a file; what is in the folder is written down in image_decoding.h.
#pragma once

#include <filesystem>

#include "expunge/data/image_decoder.h"

namespace expunge {

/// The images of the decoder's list from `cache`, mapped; decoded into it first where they are not there yet, or going
/// on after the last whole block. InputError for a cache that is damaged; throws what decoding throws.
DecodedImages cached_images(const ImageDecoder& decoder, const std::filesystem::path& cache);

}  // namespace expunge
