#include "expunge/gradients/sign_sketch.h"

#include <algorithm>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/gradients/gradient_projection.h"

namespace expunge {

SignSketch::SignSketch(int64_t length, int64_t width, uint64_t seed,
                       const torch::TensorOptions& options)
    : width_(width), seed_(seed) {
  if (length < 1 || width < 1)
    fail("sign sketch: a length and a width above 0 required, got {} and {}", length, width);
  signs_ = random_signs((length + width - 1) / width, 0, width, seed).to(options);
}

void SignSketch::add(const torch::Tensor& rows, int64_t first, torch::Tensor sums) const {
  const int64_t count = rows.size(1);
  if (first < 0 || first + count > signs_.numel() || sums.size(1) != width_) {
    fail("sign sketch: places within {} and {} sums required, got {} to {} and {}", signs_.numel(),
         width_, first, first + count, sums.size(1));
  }
  const auto width = static_cast<uint64_t>(width_);
  int64_t part = 0;
  for (int64_t done = 0; done < count; done += part) {
    const int64_t chunk = (first + done) / width_;
    const int64_t from = (first + done) % width_;
    const auto turn = derive_seed(seed_, "turn", static_cast<uint64_t>(chunk)) % width;
    const auto to = static_cast<int64_t>((static_cast<uint64_t>(from) + turn) % width);
    // As far as neither the chunk nor its turned copy ends.
    part = std::min({count - done, width_ - from, width_ - to});
    sums.narrow(1, to, part)
        .addcmul_(rows.narrow(1, done, part), signs_[chunk].narrow(0, from, part));
  }
}

}  // namespace expunge
