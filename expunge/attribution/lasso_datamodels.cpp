#include "expunge/attribution/lasso_datamodels.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "expunge/attribution/lasso_solver.h"
#include "expunge/attribution/weighted_sums.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/simd.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"

namespace expunge {
namespace {

constexpr int64_t chunk_targets = 4096;   // whose values are in memory at once
constexpr int64_t shared_targets = 4096;  // that choose a penalty for all
constexpr double kNotTried = std::numeric_limits<double>::infinity();

EXPUNGE_VECTOR_CLONES
void subtract_where(const bool* seen, float value, int64_t count, float* from) {
  for (int64_t i = 0; i < count; ++i) from[i] -= value * static_cast<float>(seen[i]);
}

// Targets first ... last - 1 of logits (N, m, C), one a row: (last - first, N) float32.
torch::Tensor targets_of(const torch::Tensor& logits, int64_t first, int64_t last,
                         int64_t workers) {
  const int64_t models = logits.size(0);
  auto by_model = torch::empty({models, last - first}, torch::kFloat32);
  parallel_for(models, workers, [&](int64_t i) {
    auto* to = by_model.data_ptr<float>() + i * (last - first);
    if (!read_values(logits, i, first, last - first, to)) {
      fail<NonFiniteError>("logits: finite values required, got NaN or infinity at model {}", i);
    }
  });
  return by_model.t().contiguous();
}

void for_each_chunk(int64_t targets, const std::function<void(int64_t, int64_t)>& task) {
  for (int64_t first = 0; first < targets; first += chunk_targets)
    task(first, std::min(targets, first + chunk_targets));
}

// A step's penalty as a share of the first one's: evenly apart in the logarithm.
double share_at(int64_t step, const LassoOptions& options) {
  return std::pow(options.path_end,
                  static_cast<double>(step) / static_cast<double>(options.path_steps - 1));
}

// Squared errors of held-out models along the paths of targets.
class HeldOut {
 public:
  HeldOut(const torch::Tensor& masks, const LassoDesign& design, int64_t workers)
      : design_(design), workers_(workers), by_example_(masks.t().contiguous()) {}

  // y (T, N - H) that is fitted and truth (T, H); (T, steps) float64. A path ends, and leaves
  // kNotTried, after `patience` steps without a lesser error: they cost the more the further down.
  [[nodiscard]] torch::Tensor errors(const torch::Tensor& y, const torch::Tensor& truth,
                                     const torch::Tensor& path, double tolerance,
                                     int64_t patience) const {
    auto out = torch::full({y.size(0), path.size(1)}, kNotTried, torch::kFloat64);
    const auto means = y.mean(1, false, torch::kFloat64);
    solve_lasso_paths(design_, y, path, {.tolerance = tolerance, .workers = workers_},
                      [&](int64_t t, int64_t step, const LassoSolution& solution) {
                        auto* errors = out.data_ptr<double>() + t * path.size(1);
                        errors[step] = error(solution.effects, means.data_ptr<double>()[t],
                                             truth.data_ptr<float>() + t * truth.size(1));
                        return step - (std::min_element(errors, errors + step + 1) - errors) <
                               patience;
                      });
    return out;
  }

 private:
  [[nodiscard]] double error(const SparseEffects& effects, double mean, const float* truth) const {
    const int64_t held = by_example_.size(1);
    double level = mean;
    for (size_t k = 0; k < effects.examples.size(); ++k)
      level -= effects.values[k] * design_.means()[static_cast<size_t>(effects.examples[k])];
    std::vector<float> residual(truth, truth + held);
    for (auto& r : residual) r -= static_cast<float>(level);
    for (size_t k = 0; k < effects.examples.size(); ++k) {
      const bool* seen = by_example_.data_ptr<bool>() + int64_t{effects.examples[k]} * held;
      subtract_where(seen, effects.values[k], held, residual.data());
    }
    double sum = 0;
    for (const float r : residual) sum += double{r} * r;
    return sum;
  }

  const LassoDesign& design_;
  int64_t workers_;
  torch::Tensor by_example_;  // (n, H) bool
};

// Targets done of all that the choice and the fit go through.
class TargetProgress {
 public:
  TargetProgress(ProgressSink* sink, int64_t total) : sink_(sink), total_(total) { add(0); }
  void add(int64_t targets) {
    done_ += targets;
    if (sink_ != nullptr) sink_->update("lasso", done_, total_, 0);
  }

 private:
  ProgressSink* sink_;
  int64_t total_, done_ = 0;
};

// Whose held-out errors choose: every target's its own penalty, a sample of them one for all.
std::vector<int64_t> choosing_targets(int64_t targets, const LassoOptions& options) {
  std::vector<int64_t> chosen(static_cast<size_t>(targets));
  std::iota(chosen.begin(), chosen.end(), 0);
  if (options.choice == LassoChoice::each || targets <= shared_targets) return chosen;
  CounterRng rng(derive_seed(0, "lasso choice", 0));
  chosen = rng.permutation(targets);
  chosen.resize(shared_targets);
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

struct Choice {
  torch::Tensor lambdas;  // (T) float64
  std::vector<PenaltyError> curve;
};

Choice choose(const torch::Tensor& masks, const torch::Tensor& logits, const LassoOptions& options,
              const std::vector<int64_t>& choosing, TargetProgress& progress) {
  const int64_t models = masks.size(0);
  const int64_t targets = logits.size(1) * logits.size(2);
  const auto held = std::clamp<int64_t>(
      std::llround(options.held_out * static_cast<double>(models)), 1, models - 2);
  const int64_t fitted = models - held;
  const auto design = LassoDesign::make(masks.slice(0, 0, fitted), {.workers = options.workers});
  const HeldOut held_out(masks.slice(0, fitted), design, options.workers);

  // The largest useful penalties; one for all is the largest of them.
  auto top = torch::empty({targets}, torch::kFloat64);
  for_each_chunk(targets, [&](int64_t first, int64_t last) {
    const auto y = targets_of(logits, first, last, options.workers).slice(1, 0, fitted);
    top.slice(0, first, last).copy_(largest_lambdas(design, y.contiguous(), options.workers));
  });
  // A target that never moves has none: any will do.
  const double least = std::max(1e-12, top.max().item<double>() * 1e-9);
  top.clamp_min_(least);
  const bool shared = options.choice == LassoChoice::shared;
  if (shared) top.fill_(top.max().item<double>());

  const int64_t patience = shared ? options.path_steps : 3;  // all errors count for one penalty
  const auto looked_at = torch::tensor(choosing);
  auto shares = torch::empty({options.path_steps}, torch::kFloat64);
  for (int64_t s = 0; s < options.path_steps; ++s) shares[s] = share_at(s, options);
  const auto path = top.index_select(0, looked_at).unsqueeze(1) * shares;
  auto errors = torch::empty({std::ssize(choosing), options.path_steps}, torch::kFloat64);
  double null_error = 0;
  int64_t begin = 0;
  for_each_chunk(targets, [&](int64_t first, int64_t last) {
    const auto end = std::lower_bound(choosing.begin(), choosing.end(), last) - choosing.begin();
    if (end == begin) return;
    const auto y = targets_of(logits, first, last, options.workers)
                       .index_select(0, looked_at.slice(0, begin, end) - first);
    const auto seen = y.slice(1, 0, fitted).contiguous();
    const auto truth = y.slice(1, fitted).contiguous();
    null_error += (truth - seen.mean(1, true)).square().sum(torch::kFloat64).item<double>();
    errors.slice(0, begin, end)
        .copy_(held_out.errors(seen, truth, path.slice(0, begin, end).contiguous(),
                               options.tolerance, patience));
    progress.add(end - begin);
    begin = end;
  });

  Choice choice;
  if (shared) {
    choice.lambdas = top * shares[errors.sum(0).argmin()];
  } else {
    choice.lambdas = path.gather(1, errors.argmin(1, /*keepdim=*/true)).squeeze(1).contiguous();
  }
  // Where a path ended early its last error stands for the rest: that of a target whose penalty
  // would fall no further.
  for (int64_t s = 1; s < options.path_steps; ++s) {
    auto now = errors.select(1, s);
    now.copy_(torch::where(now == kNotTried, errors.select(1, s - 1), now));
  }
  const auto total = errors.sum(0);
  for (int64_t s = options.path_steps - 1; s >= 0; --s) {  // by increasing ratio
    choice.curve.push_back(
        {share_at(s, options), null_error > 0 ? total[s].item<double>() / null_error : 1});
  }
  return choice;
}

}  // namespace

LassoDatamodels LassoDatamodels::fit(const torch::Tensor& masks, const torch::Tensor& logits,
                                     const LassoOptions& options, ProgressSink* sink) {
  options.validate();
  const auto design = LassoDesign::make(masks, {.workers = options.workers});
  if (logits.dim() != 3 || logits.size(0) != design.models() ||
      logits.size(1) < design.examples() || logits.size(2) < 1 ||
      (logits.scalar_type() != torch::kFloat32 && logits.scalar_type() != torch::kFloat16)) {
    fail<InputError>("logits: ({}, m >= {}, C) float16 or float32 required, got ({}) of {}",
                     design.models(), design.examples(), fmt::join(logits.sizes(), ", "),
                     toString(logits.scalar_type()));
  }
  const auto values = logits.contiguous();
  LassoDatamodels fitted;
  fitted.origin_ = origin_of(masks, values, options);
  fitted.examples_ = design.examples();
  fitted.points_ = logits.size(1);
  fitted.classes_ = logits.size(2);
  const int64_t targets = fitted.points_ * fitted.classes_;
  const auto choosing = choosing_targets(targets, options);
  TargetProgress progress(sink, targets + (options.lambda ? 0 : std::ssize(choosing)));
  torch::Tensor lambdas;
  if (options.lambda) {
    lambdas = torch::full({targets}, *options.lambda, torch::kFloat64);
  } else {
    if (design.models() < 4) {
      fail<OptionError>(
          "option lasso_lambda: must be set with fewer than 4 subset models, got auto with {}",
          design.models());
    }
    auto choice = choose(masks, values, options, choosing, progress);
    lambdas = choice.lambdas;
    fitted.curve_ = std::move(choice.curve);
  }
  fitted.lambdas_ =
      lambdas.to(torch::kFloat32).view({fitted.points_, fitted.classes_}).contiguous();
  fitted.offsets_.push_back(0);
  for_each_chunk(targets, [&](int64_t first, int64_t last) {
    const auto y = targets_of(values, first, last, options.workers);
    const auto solutions =
        solve_lasso(design, y, lambdas.slice(0, first, last),
                    {.tolerance = options.tolerance, .workers = options.workers});
    for (const auto& solution : solutions) {
      const auto& found = solution.effects;
      fitted.which_.insert(fitted.which_.end(), found.examples.begin(), found.examples.end());
      fitted.values_.insert(fitted.values_.end(), found.values.begin(), found.values.end());
      fitted.offsets_.push_back(fitted.count());
    }
    progress.add(last - first);
  });
  return fitted;
}

LassoDatamodels::Effects LassoDatamodels::effects(int64_t point, int64_t label) const {
  if (point < 0 || point >= points_ || label < 0 || label >= classes_) {
    fail<InputError>("effects: a point below {} and a class below {} required, got {} and {}",
                     points_, classes_, point, label);
  }
  const auto t = static_cast<size_t>(point * classes_ + label);
  const auto begin = static_cast<size_t>(offsets_[t]);
  const auto size = static_cast<size_t>(offsets_[t + 1]) - begin;
  return {std::span(which_).subspan(begin, size), std::span(values_).subspan(begin, size)};
}

torch::Tensor LassoDatamodels::removal_shifts(
    std::span<const std::vector<int64_t>> removals) const {
  const auto sets = static_cast<int64_t>(removals.size());
  auto shifts = torch::zeros({sets, points_, classes_}, torch::kFloat32);
  for (int64_t k = 0; k < sets; ++k) {
    const auto& removal = removals[static_cast<size_t>(k)];
    check_forget_set(removal, examples_, "removal set");
    std::vector<char> removed(static_cast<size_t>(examples_), 0);
    for (const int64_t i : removal) removed[static_cast<size_t>(i)] = 1;
    auto* shift = shifts.data_ptr<float>() + k * points_ * classes_;
    for (int64_t t = 0; t < points_ * classes_; ++t) {
      for (auto e = static_cast<size_t>(offsets_[static_cast<size_t>(t)]);
           e < static_cast<size_t>(offsets_[static_cast<size_t>(t) + 1]); ++e) {
        if (removed[static_cast<size_t>(which_[e])] != 0) shift[t] -= values_[e];
      }
    }
  }
  return shifts;
}

}  // namespace expunge
