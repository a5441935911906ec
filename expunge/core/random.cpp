#include "expunge/core/random.h"

#include <Random123/philox.h>

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

#include "expunge/core/fnv1a.h"

namespace expunge {
namespace {

std::array<uint32_t, 2> key_of(uint64_t seed) {
  return {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
}

// Natural logarithm of 0 < x < 1 without libm, whose last bit depends on library and processor:
// x = m 2^e with m in [sqrt(1/2), sqrt(2)), log m = 2 artanh((m - 1) / (m + 1)) by its series,
// whose terms shrink by at least 0.03 each.
double portable_log(double x) {
  int exponent = 0;
  double m = std::frexp(x, &exponent);
  if (m < std::numbers::sqrt2 / 2) {
    m *= 2;
    --exponent;
  }
  const double z = (m - 1) / (m + 1);
  const double square = z * z;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * std::numbers::ln2 + 2 * z * sum;
}

}  // namespace

std::array<uint32_t, 4> philox_block(const std::array<uint32_t, 4>& counter,
                                     const std::array<uint32_t, 2>& key) {
  using Philox = r123::Philox4x32;
  const Philox::ctr_type c = {{counter[0], counter[1], counter[2], counter[3]}};
  const Philox::key_type k = {{key[0], key[1]}};
  const auto out = Philox()(c, k);
  return {out[0], out[1], out[2], out[3]};
}

uint64_t derive_seed(uint64_t seed, std::string_view role, uint64_t index) {
  const uint64_t name = fnv1a(role.data(), role.size());
  const auto words = philox_block({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32),
                                   static_cast<uint32_t>(name), static_cast<uint32_t>(name >> 32)},
                                  key_of(seed));
  return words[0] | (static_cast<uint64_t>(words[1]) << 32);
}

uint32_t CounterRng::next32() {
  if (used_ == 4) {
    words_ = philox_block(
        {static_cast<uint32_t>(block_), static_cast<uint32_t>(block_ >> 32), 0, 0}, key_of(seed_));
    ++block_;
    used_ = 0;
  }
  return words_[static_cast<size_t>(used_++)];
}

uint64_t CounterRng::next64() {
  const uint64_t low = next32();
  return low | (static_cast<uint64_t>(next32()) << 32);
}

double CounterRng::uniform() {
  return static_cast<double>(next64() >> 11) * 0x1.0p-53;
}

uint64_t CounterRng::below(uint64_t bound) {
  // Draws past the last whole multiple of bound are rejected.
  const uint64_t rejected = (0 - bound) % bound;
  while (true) {
    const uint64_t word = next64();
    if (word >= rejected) return word % bound;
  }
}

double CounterRng::normal() {
  while (true) {
    const double x = 2 * uniform() - 1;
    const double y = 2 * uniform() - 1;
    const double square = x * x + y * y;
    if (square < 1 && square > 0) return x * std::sqrt(-2 * portable_log(square) / square);
  }
}

std::vector<int64_t> CounterRng::permutation(int64_t n) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(i)]);
  return order;
}

}  // namespace expunge
