// A tree of one full model and one oracle, read as logits and as margins.
#include "expunge/exchange/easydub_tree.h"
#include "fuzz_input.h"

using namespace expunge;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static fuzz::Scratch scratch;
  [[maybe_unused]] static const bool linked = [] {
    std::filesystem::create_directories(scratch.folder() / "tree/logits");
    std::filesystem::create_symlink("logits", scratch.folder() / "tree/margins");
    return true;
  }();
  const auto parts = fuzz::parts_of(fuzz::text_of(data, size), 7);
  scratch.put("tree/forget_sets/cifar10/forget_set_1.npy", parts[0]);
  size_t next = 1;
  for (const char* part : {"pretrain/retain", "pretrain/val", "oracle/forget_1/retain",
                           "oracle/forget_1/forget", "oracle/forget_1/val", "pretrain/forget_1"}) {
    scratch.put(fmt::format("tree/logits/cifar10/{}/resnet9/id_0_epoch_23.npy", part),
                parts[next++]);
  }
  for (const auto import : {import_easydub_logits, import_easydub_margins}) {
    const auto out = scratch.fresh_folder("out");
    fuzz::reading([&] { import(scratch.folder() / "tree", out, {}); });
  }
  return 0;
}
