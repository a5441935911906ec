// A cache's record, its images, and a block of the time before the record was written.
#include "expunge/data/image_cache.h"

#include "fuzz_input.h"

using namespace expunge;

namespace {

// One grey pixel.
constexpr unsigned char picture[] = {
    0x89, 'P',  'N',  'G',  0x0d, 0x0a, 0x1a, 0x0a, 0x00, 0x00, 0x00, 0x0d, 'I',  'H',
    'D',  'R',  0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x01, 0x08, 0x00, 0x00, 0x00,
    0x00, 0x3a, 0x7e, 0x9b, 0x55, 0x00, 0x00, 0x00, 0x0a, 'I',  'D',  'A',  'T',  0x78,
    0x9c, 0x63, 0xa8, 0x07, 0x00, 0x00, 0x81, 0x00, 0x80, 0xe4, 0x12, 0xfd, 0xe0, 0x00,
    0x00, 0x00, 0x00, 'I',  'E',  'N',  'D',  0xae, 0x42, 0x60, 0x82};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  static const ImageList list = [] {
    ImageList files{.folder = scratch.folder(),
                    .name = "pictures",
                    .class_names = {"a"},
                    .files = {},
                    .labels = {0, 0}};
    for (const char* name : {"a.png", "b.png"})
      files.files.push_back(scratch.put(name, fuzz::text_of(picture, sizeof picture)));
    return files;
  }();
  static const DecodingOptions options = {.workers = 1};
  static const ImageDecoder decoder(list, options, nullptr);
  static const auto folder = "cache/" + decoder.digest();
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 3);
  const bool recorded = parts[0] && !parts[0]->empty();
  scratch.put(folder + "/images.json", recorded ? parts[0] : std::nullopt);
  scratch.put(folder + "/images.npy", parts[1]);
  scratch.put(folder + "/blocks/00000.safetensors", parts[2]);
  fuzz::reading([&] {
    const auto images = cached_images(decoder, scratch.folder() / "cache");
    if (images.images.size(0) != std::ssize(images.kept)) fuzz::broken("images without a file");
    fuzz::touch(images.images);
  });
  return 0;
}
