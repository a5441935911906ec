// KLoM, its interval, and margins: points per second. `--benchmark_filter=klom/60000` is the case
// of 60,000 points with 100 models a side.
#include <benchmark/benchmark.h>
#include <torch/types.h>

#include <numeric>
#include <vector>

#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom.h"
#include "expunge/evaluate/margins.h"

namespace expunge {
namespace {

/// Margins as ensembles have them: points differ in mean and spread.
torch::Tensor margins_like(int64_t models, int64_t points) {
  return torch::randn({1, points}) * 5 + torch::randn({models, points}) * torch::rand({1, points});
}

/// Arguments: points, models a side, workers.
void klom(benchmark::State& state) {
  const torch::Tensor unlearned = margins_like(state.range(1), state.range(0));
  const torch::Tensor oracles = unlearned.roll(1, 0) + 0.1 * torch::randn_like(unlearned);
  KlomOptions options;
  options.workers = state.range(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(expunge::klom(unlearned, oracles, options));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(klom)
    ->Args({60000, 100, 1})
    ->Args({60000, 100, 2})
    ->Args({60000, 200, 2})
    ->Args({3000, 100, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// A summary with 200 resamples. Arguments: points, models a side, workers.
void summary_with_interval(benchmark::State& state) {
  const torch::Tensor unlearned = margins_like(state.range(1), state.range(0));
  const torch::Tensor oracles = unlearned.roll(1, 0) + 0.1 * torch::randn_like(unlearned);
  std::vector<int64_t> forget(20);
  std::iota(forget.begin(), forget.end(), 0);
  ResamplingOptions resampling;
  resampling.workers = state.range(2);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        summarise_klom(unlearned, oracles, state.range(0) * 2 / 3, forget, {}, resampling));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(summary_with_interval)
    ->Args({3000, 100, 2})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// 100 models, 10 classes. Arguments: points, workers, float16 or not.
void margins(benchmark::State& state) {
  const auto dtype = state.range(2) != 0 ? torch::kFloat16 : torch::kFloat32;
  const torch::Tensor logits = (torch::randn({100, state.range(0), 10}) * 5).to(dtype);
  const torch::Tensor labels = torch::randint(10, {state.range(0)}, torch::kInt64);
  for (auto _ : state) {
    benchmark::DoNotOptimize(expunge::margins(logits, labels, state.range(1)));
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * 100);
}
BENCHMARK(margins)
    ->Args({20000, 2, 1})
    ->Args({20000, 2, 0})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
