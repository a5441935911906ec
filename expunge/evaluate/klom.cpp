#include "expunge/evaluate/klom.h"

#include <c10/util/StringUtil.h>

#include <cmath>
#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/worker_pool.h"
#include "expunge/evaluate/klom_kernel.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

constexpr int64_t kLeastKlomModels = 2;
constexpr int64_t kStableModels = 80;
// Points a task: enough to use every byte of the pages it touches in each model's row.
constexpr int64_t kBlockPoints = 1024;

std::vector<const float*> rows_of(const torch::Tensor& margins) {
  std::vector<const float*> rows;
  for (int64_t i = 0; i < margins.size(0); ++i) {
    rows.push_back(margins.data_ptr<float>() + i * margins.size(1));
  }
  return rows;
}

/// Throws if `side` has a NaN or infinite margin at the points [begin, end).
void name_non_finite(const char* side, MarginRows rows, int64_t begin, int64_t end) {
  for (size_t i = 0; i < rows.size(); ++i) {
    for (int64_t j = begin; j < end; ++j) {
      if (!std::isfinite(rows[i][j])) {
        fail<NonFiniteError>("{} margins: model {}, point {} is {}; every margin must be finite",
                             side, i, j, rows[i][j]);
      }
    }
  }
}

}  // namespace

void KlomOptions::validate() const {
  if (bins < 1 || bins > 1000) fail<OptionError>("bins: expected 1 to 1000, got {}", bins);
  // Beyond 1e6 the minimum + 1 of the definition is no longer exact in float32.
  if (!(clip > 0 && clip <= 1e6)) {
    fail<OptionError>("clip: expected a number above 0 and at most 1e6, got {}", clip);
  }
  if (!(floor_probability > 0 && floor_probability <= 1)) {
    fail<OptionError>("floor_probability: expected a number above 0 and at most 1, got {}",
                      floor_probability);
  }
  if (workers < 0) fail<OptionError>("workers: expected 0 or more, got {}", workers);
}

OptionGroup options_of(KlomOptions& options) {
  OptionGroup group("klom", "How the margins of unlearned models and oracles are compared");
  group.add("convention", options.convention,
            {{"corrected", KlomConvention::corrected}, {"easydub", KlomConvention::easydub}},
            "where the pooled maximum belongs: in the last bin, or in none as in EasyDUB's code");
  group.add("bins", options.bins, "equal bins over a point's pooled range of margins", "count");
  group.add("clip", options.clip, "margins are clipped to this magnitude", "nats");
  group.add("floor_probability", options.floor_probability,
            "least probability of an oracle's bin that an unlearned model falls in");
  return group;
}

torch::Tensor klom(const torch::Tensor& unlearned, const torch::Tensor& oracles,
                   const KlomOptions& options) {
  options.validate();
  require_margins("unlearned", unlearned, "KLoM", kLeastKlomModels);
  require_margins("oracle", oracles, "KLoM", kLeastKlomModels);
  if (unlearned.size(1) != oracles.size(1)) {
    fail<InputError>("margins of different points: unlearned {}, oracles {}",
                     c10::str(unlearned.sizes()), c10::str(oracles.sizes()));
  }
  const torch::Tensor unlearned_rows = unlearned.contiguous();
  const torch::Tensor oracle_rows = oracles.contiguous();
  const std::vector<const float*> u = rows_of(unlearned_rows);
  const std::vector<const float*> o = rows_of(oracle_rows);
  const KlomKernel kernel(options, unlearned.size(0), oracles.size(0));
  torch::Tensor result = torch::empty({unlearned.size(1)}, torch::kFloat64);
  double* out = result.data_ptr<double>();
  parallel_blocks(unlearned.size(1), kBlockPoints, options.workers,
                  [&](int64_t begin, int64_t end) {
                    if (kernel(u, o, begin, end, out + begin)) return;
                    name_non_finite("unlearned", u, begin, end);
                    name_non_finite("oracle", o, begin, end);
                  });
  return result;
}

bool klom_is_stable(int64_t unlearned_models, int64_t oracle_models) {
  return unlearned_models >= kStableModels && oracle_models >= kStableModels;
}

}  // namespace expunge
