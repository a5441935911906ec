// Removing 100 of 100,000 examples of 200 features from a ridge regression, beside fitting the rest anew; both
// from the table in memory to coefficients. `--benchmark_repetitions=7` gives medians.
#include <ATen/ops/randn.h>
#include <benchmark/benchmark.h>
#include <torch/types.h>

#include <numeric>
#include <vector>

#include "expunge/convex/ridge_removal.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

constexpr int64_t kFeatures = 200;

const Table& big_table() {
  static const Table table = [] {
    Table made;
    made.x = at::randn({100000, kFeatures}, torch::kFloat64);
    made.y = at::randn({100000, 1}, torch::kFloat64);
    return made;
  }();
  return table;
}

std::vector<int64_t> spread(int64_t count) {
  std::vector<int64_t> forget;
  for (int64_t i = 0; i < count; ++i) forget.push_back(i * 997 % 100000);
  return forget;
}

const LinearOptions kOptions{.standardise = Standardise::fixed};

/// Arguments: examples forgotten, method.
void downdate(benchmark::State& state) {
  const auto& table = big_table();
  const auto fitted = RidgeState::fit(table, kOptions);
  const auto forget = spread(state.range(0));
  const RemovalOptions options{static_cast<Downdate>(state.range(1))};
  for (auto _ : state) benchmark::DoNotOptimize(RidgeRemoval::of(fitted, table, forget, options));
  state.SetLabel(downdate_name(options.method));
}
BENCHMARK(downdate)
    ->Args({100, static_cast<int64_t>(Downdate::automatic)})
    ->Args({100, static_cast<int64_t>(Downdate::rotations)})
    ->Args({100, static_cast<int64_t>(Downdate::refactor)})
    ->Args({1, static_cast<int64_t>(Downdate::automatic)})
    ->Args({1000, static_cast<int64_t>(Downdate::automatic)})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

/// R is at hand: copying its rows is not counted. Argument: workers.
void refit(benchmark::State& state) {
  const auto& table = big_table();
  const auto retained = table.rows(retain_indices(spread(100), table.size()));
  for (auto _ : state)
    benchmark::DoNotOptimize(RidgeState::fit(retained, kOptions, state.range(0)));
}
BENCHMARK(refit)->Arg(1)->Arg(2)->UseRealTime()->Unit(benchmark::kMillisecond);

/// The sums alone, by one product: what any refit must do at least. Argument: none.
void gram_alone(benchmark::State& state) {
  const auto& x = big_table().x;
  for (auto _ : state) benchmark::DoNotOptimize(x.t().matmul(x));
}
BENCHMARK(gram_alone)->UseRealTime()->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace expunge
