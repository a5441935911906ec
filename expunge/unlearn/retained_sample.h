// Which retained examples a matching step holds still. Internal.
#pragma once

#include <cstdint>
#include <vector>

#include "expunge/core/random.h"
#include "expunge/unlearn/unlearner.h"

namespace expunge::matching {

/// `count` retained examples without repetition (all of them if there are fewer): half of classes
/// drawn in proportion to F's labels, as far as these have members, the others uniform. Removing F
/// moves examples like its own the most.
std::vector<int64_t> draw_retained(const UnlearnTask& task, int64_t count, CounterRng& rng);

}  // namespace expunge::matching
