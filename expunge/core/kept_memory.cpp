#include "expunge/core/kept_memory.h"

#include <c10/core/Allocator.h>
#include <c10/core/impl/alloc_cpu.h>
#include <malloc.h>
#include <torch/version.h>

#include <cstring>
#include <map>

namespace expunge {
namespace {

constexpr size_t kLeast = size_t{1} << 20;

// Blocks of this thread by size.
class Blocks {
 public:
  ~Blocks() { release(); }
  void release() {
    for (const auto& [size, data] : kept_) c10::free_cpu(data);
    kept_.clear();
  }
  // The smallest that is large enough and not twice as large; null if there is none.
  void* take(size_t size) {
    const auto found = kept_.lower_bound(size);
    if (found == kept_.end() || found->first > 2 * size) return nullptr;
    void* data = found->second;
    kept_.erase(found);
    return data;
  }
  void keep(size_t size, void* data) { kept_.emplace(size, data); }

 private:
  std::multimap<size_t, void*> kept_;
};

// How many KeptMemory this thread has. Outlives `blocks`, which is not touched while it is 0: tensors may be let go of after
// a thread's objects.
thread_local int wanted = 0;
thread_local Blocks blocks;

bool is_kept(size_t size) {
  return size >= kLeast && wanted > 0;
}

void let_go(void* data) {
  const size_t size = malloc_usable_size(data);  // 0 for null
  if (is_kept(size)) {
    blocks.keep(size, data);
  } else {
    c10::free_cpu(data);
  }
}

class KeepingAllocator final : public c10::Allocator {
 public:
#if TORCH_VERSION_MAJOR >= 2
  c10::DataPtr allocate(size_t size) override {
    return allotted(size);
  }
  void copy_data(void* to, const void* from, size_t size) const override {
    std::memcpy(to, from, size);
  }
#else
  c10::DataPtr allocate(size_t size) const override {
    return allotted(size);
  }
#endif
  [[nodiscard]] c10::DeleterFnPtr raw_deleter() const override {
    return &let_go;
  }

 private:
  static c10::DataPtr allotted(size_t size) {
    void* data = is_kept(size) ? blocks.take(size) : nullptr;
    if (data == nullptr) data = c10::alloc_cpu(size);
    return {data, data, &let_go, c10::Device(c10::DeviceType::CPU)};
  }
};

// Before any thread could be asking for memory.
[[maybe_unused]] const bool installed = [] {
  static KeepingAllocator allocator;
  c10::SetAllocator(c10::DeviceType::CPU, &allocator, /*priority=*/1);
  return true;
}();

}  // namespace

KeptMemory::KeptMemory() {
  ++wanted;
}

KeptMemory::~KeptMemory() {
  if (--wanted == 0) blocks.release();
}

}  // namespace expunge
