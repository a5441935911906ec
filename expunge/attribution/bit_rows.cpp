#include "expunge/attribution/bit_rows.h"

#include <bit>

#include "expunge/core/worker_pool.h"

namespace expunge {

BitRows pack_rows(const torch::Tensor& rows, int64_t workers) {
  const int64_t count = rows.size(0);
  const int64_t length = rows.size(1);
  BitRows packed{(length + 63) / 64, {}};
  packed.bits.assign(static_cast<size_t>(count * packed.words), 0);
  // In runs of rows, so that columns of a matrix by rows are not fetched one byte at a time.
  parallel_blocks(count, 64, workers, [&](int64_t begin, int64_t end) {
    const auto block = rows.slice(0, begin, end).contiguous();
    const auto* bytes = block.data_ptr<bool>();
    for (int64_t i = begin; i < end; ++i) {
      auto* row = packed.bits.data() + i * packed.words;
      for (int64_t j = 0; j < length; ++j)
        row[j / 64] |= static_cast<uint64_t>(bytes[(i - begin) * length + j]) << (j % 64);
    }
  });
  return packed;
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define EXPUNGE_POPCOUNT_CLONES __attribute__((target_clones("popcnt", "default")))
#else
#define EXPUNGE_POPCOUNT_CLONES
#endif

EXPUNGE_POPCOUNT_CLONES
int64_t common_bits(const uint64_t* a, const uint64_t* b, int64_t words) {
  int64_t count = 0;
  for (int64_t w = 0; w < words; ++w) count += std::popcount(a[w] & b[w]);
  return count;
}

EXPUNGE_POPCOUNT_CLONES
void common_bits(const uint64_t* a, const BitRows& b, int64_t first, int64_t last,
                 int32_t* counts) {
  const int64_t words = b.words;
  int64_t i = first;
  // Four rows at a time: one fetch of a serves them all, and no sum waits for another.
  for (; i + 4 <= last; i += 4) {
    const uint64_t *p = b.row(i), *q = p + words, *r = q + words, *s = r + words;
    int64_t c0 = 0, c1 = 0, c2 = 0, c3 = 0;
    for (int64_t w = 0; w < words; ++w) {
      const uint64_t mine = a[w];
      c0 += std::popcount(mine & p[w]);
      c1 += std::popcount(mine & q[w]);
      c2 += std::popcount(mine & r[w]);
      c3 += std::popcount(mine & s[w]);
    }
    for (const int64_t c : {c0, c1, c2, c3}) *counts++ = static_cast<int32_t>(c);
  }
  for (; i < last; ++i) *counts++ = static_cast<int32_t>(common_bits(a, b.row(i), words));
}

#undef EXPUNGE_POPCOUNT_CLONES

}  // namespace expunge
