#include "expunge/data/masks.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/error.h"
#include "expunge/core/random.h"

namespace expunge {

void MaskOptions::validate() const {
  if (!(alpha > 0 && alpha < 1))
    fail<OptionError>("option alpha: a share between 0 and 1 required, got {}", alpha);
  if (scheme != "balanced" && scheme != "independent") {
    fail<OptionError>("option masks: balanced or independent required, got \"{}\"", scheme);
  }
  const double parts = 1 / (1 - alpha);
  const bool whole = parts > 1.5 && std::abs(parts - std::round(parts)) <= 1e-9 * parts;
  if (scheme == "balanced" && !whole) {
    fail<OptionError>(
        "option alpha: 1 - 1/K for a whole K (0.5, 0.75, 0.8, 0.9, ...) required with balanced "
        "masks, got {}; "
        "independent masks take any",
        alpha);
  }
}

OptionGroup options_of(MaskOptions& o) {
  OptionGroup group("masks", "Which examples a subset model sees");
  group.add("alpha", o.alpha, "share of the examples that a subset model sees")
      .add("scheme", o.scheme, {"balanced", "independent"}, "how subsets are drawn");
  return group;
}

torch::Tensor subset_mask(const MaskOptions& options, int64_t n, uint64_t seed, int64_t row) {
  options.validate();
  if (n < 2) fail<InputError>("masks: at least 2 training examples required, got {}", n);
  auto mask = torch::ones({n}, torch::kBool);
  auto* values = mask.data_ptr<bool>();
  if (options.scheme == "balanced") {
    const auto parts = std::llround(1 / (1 - options.alpha));
    if (parts > n)
      fail<InputError>("masks: at least {} training examples required for alpha {}, got {}", parts,
                       options.alpha, n);
    CounterRng rng(derive_seed(seed, "partition", static_cast<uint64_t>(row / parts)));
    const auto order = rng.permutation(n);
    const int64_t part = row % parts;
    for (int64_t k = part * n / parts; k < (part + 1) * n / parts; ++k)
      values[order[static_cast<size_t>(k)]] = false;
    return mask;
  }
  CounterRng rng(derive_seed(seed, "subset", static_cast<uint64_t>(row)));
  const auto order = rng.permutation(n);
  const int64_t kept =
      std::clamp<int64_t>(std::llround(options.alpha * static_cast<double>(n)), 1, n - 1);
  for (int64_t k = kept; k < n; ++k) values[order[static_cast<size_t>(k)]] = false;
  return mask;
}

}  // namespace expunge
