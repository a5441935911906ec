#include "expunge/desk/rehearsal.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <mutex>

#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/core/worker_pool.h"
#include "expunge/data/forget_set.h"
#include "expunge/desk/evidence.h"
#include "expunge/desk/removal.h"
#include "expunge/evaluate/column_sums.h"
#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/margins.h"

namespace expunge::desk {
namespace {

// A union of requests: what it is made of, and its oracles' margins where there are any.
struct Union {
  RemovalSet set;
  std::vector<int64_t> all;  // increasing
  torch::Tensor judges, others;
};

std::vector<Union> unions_of(const Experiment& experiment) {
  std::vector<Union> unions;
  for (const auto& set : experiment.forget_sets()) {
    Union made;
    made.all = set.indices;
    std::sort(made.all.begin(), made.all.end());
    const auto folder = experiment.folder() / ("oracle-" + set.config.name);
    if (std::filesystem::exists(folder / "ensemble.json") &&
        EnsembleStore::open(folder).is_complete()) {
      const auto logits = experiment.open_store("oracle-" + set.config.name, "train").logits();
      const auto& labels = experiment.problem().labels;
      const int64_t judging = experiment.judging_oracles();
      made.judges = margins(logits.narrow(0, 0, judging), labels, experiment.workers());
      made.others = margins(logits.narrow(0, judging, judging), labels, experiment.workers());
    }
    unions.push_back(std::move(made));
  }
  std::sort(unions.begin(), unions.end(),
            [](const Union& a, const Union& b) { return a.all.size() < b.all.size(); });
  const std::vector<int64_t> none;
  for (size_t k = 0; k < unions.size(); ++k) {
    const auto& before = k == 0 ? none : unions[k - 1].all;
    auto& [set, all, judges, others] = unions[k];
    if (!std::includes(all.begin(), all.end(), before.begin(), before.end()) ||
        all.size() == before.size())
      fail<InputError>(
          "rehearsal: forget sets each of which holds the one before, and more, required");
    set.before = before;
    std::set_difference(all.begin(), all.end(), before.begin(), before.end(),
                        std::back_inserter(set.now));
  }
  if (std::none_of(unions.begin(), unions.end(), [](const Union& u) { return u.judges.defined(); }))
    fail<InputError>(
        "rehearsal: finished oracles of a forget set required, none there; make them with: expunge "
        "train");
  return unions;
}

double p95_over(const torch::Tensor& klom, const std::vector<int64_t>& points) {
  std::vector<double> values;
  for (const int64_t j : points) values.push_back(klom.data_ptr<double>()[j]);
  return percentile(values, 95);
}

// Root mean square of the difference of mean margins in units of `unit`'s deviations, less what noise adds to it.
double margin_error(const std::vector<ColumnSums>& judged, const std::vector<ColumnSums>& oracle,
                    const std::vector<ColumnSums>& unit, const std::vector<int64_t>& points) {
  double squares = 0;
  for (const int64_t j : points) {
    const auto at = static_cast<size_t>(j);
    const auto noise = [](const ColumnSums& c) {
      return c.deviation() * c.deviation() / static_cast<double>(c.count);
    };
    const double difference = judged[at].mean() - oracle[at].mean();
    const double deviation = as_unit(unit[at].deviation());
    squares +=
        (difference * difference - noise(judged[at]) - noise(oracle[at])) / (deviation * deviation);
  }
  return std::sqrt(std::max(0.0, squares / static_cast<double>(points.size())));
}

class Rehearsing {
 public:
  Rehearsing(const Experiment& experiment, const RehearsalOptions& options)
      : experiment_(experiment),
        options_(options),
        unions_(unions_of(experiment)),
        fitted_(fit_evidence(experiment, 0)),
        full_(experiment.open_store("full", "train")),
        models_(options.models == 0 ? full_.description().models
                                    : std::min(options.models, full_.description().models)),
        logits_(full_.logits().narrow(0, 0, models_)),
        originals_(margins(logits_, experiment.problem().labels, experiment.workers())) {
    for (int64_t i = 0; i < models_; ++i) newest_.push_back(std::move(full_.model(i).network));
    spent_.assign(static_cast<size_t>(models_), 0.0);
  }

  Rehearsal run() {
    result_.models = models_;
    result_.oracles = experiment_.judging_oracles();
    for (size_t k = 0; k < unions_.size(); ++k) step(k);
    return std::move(result_);
  }

 private:
  void step(size_t k) {
    const auto& u = unions_[k];
    const auto live =
        live_problem(experiment_.data(), experiment_.problem().normalisation, u.set.before);
    const auto shift = fitted_.attributor.shift(u.all) * experiment_.config().evaluation.multiplier;
    const bool measured = u.judges.defined();
    const auto forecast = forecast_of(
        live, u.set, shift, effects_.empty() ? EarlierRemovals{} : effects_.back(), measured);
    effects_.push_back(
        {0, forecast.parameters.validation_coupling, forecast.parameters.retain_coupling});

    RehearsedRequest request{
        static_cast<int64_t>(k) + 1, std::ssize(u.set.now), std::ssize(u.all), {}, {}};
    auto by_newest = at::empty({models_, experiment_.problem().m()}, torch::kFloat32);
    tell(k, 0);
    parallel_for(models_, experiment_.workers(), [&](int64_t i) {
      auto& network = *newest_[static_cast<size_t>(i)];
      const auto summary = match_removal(network, live, u.set.now, logits_of(i), shift,
                                         experiment_.config().matching, options_.removal.hold,
                                         seed_of("desk version", k, i));
      spent_[static_cast<size_t>(i)] += summary.sample_gradients;
      if (measured) by_newest.select(0, i).copy_(margins_of(network));
      tell(k, 1);
    });
    if (measured) {
      const auto predicted =
          shifted_margins(logits_, shift, experiment_.problem().labels, experiment_.workers());
      measure(k, request, predicted, by_newest, shift);
      cover(k, predicted, by_newest, forecast, shift);
    }
    result_.requests.push_back(std::move(request));
  }

  void measure(size_t k, RehearsedRequest& request, const torch::Tensor& predicted,
               const torch::Tensor& by_newest, const torch::Tensor& shift) {
    const auto& u = unions_[k];
    const auto whole = live_problem(experiment_.data(), experiment_.problem().normalisation, {});
    auto over = at::empty_like(by_newest);
    std::vector<double> work(static_cast<size_t>(models_));
    parallel_for(models_, experiment_.workers(), [&](int64_t i) {
      const auto network = std::move(full_.model(i).network);
      // What retained examples are held to is the original model's own logits here, whatever the desk holds them to.
      work[static_cast<size_t>(i)] =
          match_removal(*network, whole, u.all, logits_of(i), shift, experiment_.config().matching,
                        Hold::newest, seed_of("desk over", k, i))
              .sample_gradients;
      over.select(0, i).copy_(margins_of(*network));
    });
    const auto mean = [this](const std::vector<double>& values) {
      double sum = 0;
      for (const double value : values) sum += value;
      return sum / static_cast<double>(models_);
    };
    request.ways = {way("newest", k, by_newest, mean(spent_)), way("over", k, over, mean(work)),
                    way("prediction", k, predicted, 0), way("nothing", k, originals_, 0)};
    request.floor = p95_over(klom_of(u.others, u.judges), points(0, experiment_.problem().m()));
  }

  WayResult way(const char* name, size_t k, const torch::Tensor& judged, double work) {
    const auto& u = unions_[k];
    const auto values = klom_of(judged, u.judges);
    const auto [retained, validation] = elsewhere(u.all);
    return {name,
            p95_over(values, u.all),
            p95_over(values, u.set.now),
            p95_over(values, retained),
            p95_over(values, validation),
            work};
  }

  // Each request of the union as if it had been the newest, and the rest once.
  void cover(size_t k, const torch::Tensor& predicted, const torch::Tensor& by_newest,
             const KlomForecast& newest, const torch::Tensor& shift) {
    const auto& u = unions_[k];
    const auto prediction_klom = klom_of(predicted, u.judges);
    const auto newest_klom = klom_of(by_newest, u.judges);
    const auto oracle = sums_over_models(u.judges), judged = sums_over_models(by_newest),
               told = sums_over_models(predicted), full = sums_over_models(originals_);
    const auto add = [&](std::string group, const std::vector<int64_t>& examples,
                         const ForecastInterval& klom, const ForecastInterval& error,
                         const std::vector<ColumnSums>& unit) {
      result_.coverage.push_back(
          {static_cast<int64_t>(k) + 1, std::move(group), std::ssize(examples), klom, error,
           p95_over(prediction_klom, examples), p95_over(newest_klom, examples),
           margin_error(told, oracle, unit, examples),
           margin_error(judged, oracle, unit, examples)});
    };
    for (size_t i = 0; i <= k; ++i) {
      RemovalSet set{{}, unions_[i].set.now};
      std::set_difference(u.all.begin(), u.all.end(), set.now.begin(), set.now.end(),
                          std::back_inserter(set.before));
      const auto live =
          live_problem(experiment_.data(), experiment_.problem().normalisation, set.before);
      const auto forecast =
          i == k ? newest : forecast_of(live, set, shift, effects_without(k, i), true);
      add(fmt::format("request {}", i + 1), set.now, forecast.forget, forecast.forget_error, told);
    }
    const auto [retained, validation] = elsewhere(u.all);
    add("retained", retained, newest.retain, newest.retain_error, full);
    add("validation", validation, newest.validation, newest.validation_error, full);
  }

  // What the requests up to k but i do to classes: effects of classes are linear.
  [[nodiscard]] EarlierRemovals effects_without(size_t k, size_t i) const {
    EarlierRemovals out = effects_[k];
    const auto subtract = [&](std::vector<double> EarlierRemovals::*field) {
      for (size_t c = 0; c < (out.*field).size(); ++c) {
        (out.*field)[c] -= (effects_[i].*field)[c] - (i == 0 ? 0 : (effects_[i - 1].*field)[c]);
      }
    };
    subtract(&EarlierRemovals::validation_coupling);
    subtract(&EarlierRemovals::retain_coupling);
    return out;
  }

  KlomForecast forecast_of(const LiveProblem& live, const RemovalSet& set,
                           const torch::Tensor& shift, const EarlierRemovals& earlier,
                           bool interval) const {
    auto options = options_.removal;
    // Its parameters alone are needed elsewhere.
    if (!interval) options.resamples = std::min<int64_t>(options.resamples, 20);
    return forecast_removal(fitted_.evidence, fitted_.attributor, live, set, shift, earlier,
                            options, {models_, experiment_.judging_oracles()},
                            experiment_.config().evaluation.klom, experiment_.workers());
  }

  [[nodiscard]] torch::Tensor logits_of(int64_t i) const { return logits_[i].to(torch::kFloat32); }
  [[nodiscard]] torch::Tensor margins_of(Network& network) const {
    const auto dtype = network.parameters().scalar_type();
    const auto logits = evaluate_logits(network, experiment_.problem().inputs.to(dtype));
    return margins(logits.to(torch::kFloat32), experiment_.problem().labels, 1);
  }
  [[nodiscard]] torch::Tensor klom_of(const torch::Tensor& judged,
                                      const torch::Tensor& oracles) const {
    auto options = experiment_.config().evaluation.klom;
    options.workers = experiment_.workers();
    return klom(judged, oracles, options);
  }
  [[nodiscard]] static std::vector<int64_t> points(int64_t begin, int64_t end) {
    std::vector<int64_t> all;
    for (int64_t j = begin; j < end; ++j) all.push_back(j);
    return all;
  }
  [[nodiscard]] std::pair<std::vector<int64_t>, std::vector<int64_t>> elsewhere(
      const std::vector<int64_t>& removed) const {
    const int64_t n = experiment_.problem().n();
    return {retain_indices(removed, n), points(n, experiment_.problem().m())};
  }
  [[nodiscard]] uint64_t seed_of(const char* role, size_t k, int64_t i) const {
    return derive_seed(derive_seed(static_cast<uint64_t>(options_.removal.seed), role, k + 1),
                       "model", static_cast<uint64_t>(i));
  }
  void tell(size_t k, int64_t more) {
    auto* progress = experiment_.progress();
    if (progress == nullptr) return;
    const std::lock_guard lock(telling_);
    done_ = more == 0 ? 0 : done_ + more;
    progress->update(fmt::format("request {}", k + 1), done_, models_, 0);
  }

  const Experiment& experiment_;
  const RehearsalOptions& options_;
  std::vector<Union> unions_;
  FittedEvidence fitted_;
  EnsembleStore full_;
  int64_t models_;
  torch::Tensor logits_;     // (models_, m, C) of the full models
  torch::Tensor originals_;  // (models_, m) their margins
  std::vector<std::unique_ptr<Network>> newest_;
  std::vector<double> spent_;
  std::vector<EarlierRemovals> effects_;  // after each request
  std::mutex telling_;
  int64_t done_ = 0;
  Rehearsal result_;
};

}  // namespace

void RehearsalOptions::validate() const {
  removal.validate();
  require_option(models == 0 || models >= 2, "models", "0 or at least 2",
                 static_cast<double>(models));
}

OptionGroup options_of(RehearsalOptions& o) {
  OptionGroup group("rehearsal", "The rehearsal");
  group.add("models", o.models, "of the full models, the first; 0 for all", "models")
      .include(options_of(o.removal));
  return group;
}

Rehearsal rehearse(const Experiment& experiment, const RehearsalOptions& options) {
  options.validate();
  return Rehearsing(experiment, options).run();
}

}  // namespace expunge::desk
