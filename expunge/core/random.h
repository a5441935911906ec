// Random numbers that depend on their names alone, the same on every platform.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace expunge {

/// The generator itself: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2,
/// 3", SC 2011), a bijection of the counter chosen by the key; the code is Random123's.
std::array<uint32_t, 4> philox_block(const std::array<uint32_t, 4>& counter,
                                     const std::array<uint32_t, 2>& key);

/// The seed of the index-th thing with the given role: distinct roles and indices give independent
/// seeds, so that row i of an ensemble does not depend on what else is drawn.
uint64_t derive_seed(uint64_t seed, std::string_view role, uint64_t index);

/// A stream of random numbers: Philox4x32-10 in counter mode (Salmon et al., SC 2011), from
/// Random123.
class CounterRng {
 public:
  explicit CounterRng(uint64_t seed) : seed_(seed) {}

  uint32_t next32();
  uint64_t next64();
  /// In [0, 1), 53 bits.
  double uniform();
  /// In [0, bound), without bias; bound > 0.
  uint64_t below(uint64_t bound);
  /// Standard normal (Marsaglia's polar method, one of the pair).
  double normal();
  /// 0 ... n-1 in uniformly random order (Fisher and Yates).
  std::vector<int64_t> permutation(int64_t n);

 private:
  uint64_t seed_;
  uint64_t block_ = 0;
  std::array<uint32_t, 4> words_{};
  int used_ = 4;
};

}  // namespace expunge
