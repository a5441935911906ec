#include "expunge/pipeline/experiment_lds.h"

#include <cmath>

#include "expunge/attribution/mask_gram.h"
#include "expunge/attribution/weighted_sums.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/attributors.h"

namespace expunge {
namespace {

class HeldOut {
 public:
  HeldOut(const Experiment& experiment, int64_t models, const LdsOptions& options)
      : experiment_(experiment), options_(options) {
    options_.workers = experiment.workers();
    auto spec = experiment.subset_spec();
    spec.models = models;
    spec.name = "held-out";
    const auto store = experiment.train_store(spec);
    spec.masks_of = spec.name;
    spec.name = "held-out-again";
    const auto again = experiment.train_store(spec);
    masks_ = store.masks();
    outputs_ = margins_of(store.logits());
    again_ = margins_of(again.logits());
    const auto full = experiment.open_store("full", "train").logits();
    const auto share = torch::full({1, full.size(0)}, 1.0F / static_cast<float>(full.size(0)));
    full_ = weighted_sums(share, full, "logits", experiment.workers())[0];
  }

  [[nodiscard]] AttributorLds again() const { return score("", again_); }

  [[nodiscard]] AttributorLds of(const std::string& name, const Attributor& attributor) const {
    return score(name, margins_of(attributor.removal_shifts(left_out(masks_)) + full_));
  }

 private:
  [[nodiscard]] torch::Tensor margins_of(const torch::Tensor& logits) const {
    return margins(logits, experiment_.problem().labels, experiment_.workers());
  }

  [[nodiscard]] AttributorLds score(const std::string& name, const torch::Tensor& predicted) const {
    const int64_t n = experiment_.problem().n();
    const int64_t rest = experiment_.problem().m() - n;
    const auto part = [&](int64_t begin, int64_t count) {
      return lds(predicted.narrow(1, begin, count).contiguous(),
                 outputs_.narrow(1, begin, count).contiguous(), options_);
    };
    return {name, part(0, n), part(n, rest)};
  }

  const Experiment& experiment_;
  LdsOptions options_;
  torch::Tensor masks_, outputs_, again_, full_;
};

std::string ceiling_text(const LdsResult& again) {
  return fmt::format("{:.3f}", lds_ceiling(again.spearman.mean));
}

}  // namespace

ExperimentLds experiment_lds(const Experiment& experiment,
                             const std::vector<DatamodelsConfig>& datamodels, int64_t models,
                             const LdsOptions& options) {
  options.validate();
  require_option(models >= 8, "held_out_models", "at least 8", static_cast<double>(models));
  const auto subset = experiment.train_store(experiment.subset_spec());
  experiment.train_store(experiment.full_spec());
  const HeldOut held_out(experiment, models, options);
  ExperimentLds result;
  result.models = models;
  result.again = held_out.again();
  const auto add = [&](const std::string& name, const EnsembleStore& store,
                       const AttributionOptions& attribution) {
    const auto fitted = fit_attributor(experiment, store, attribution);
    result.attributors.push_back(held_out.of(name, *fitted.attributor));
  };
  add("", subset, experiment.config().attribution);
  for (const auto& config : datamodels)
    add(config.name,
        train_subset_models(experiment, config.name, config.subset_models, config.masks),
        config.attribution);
  write_file_atomically(experiment.folder() / "lds.csv", lds_csv(result));
  return result;
}

TextTable lds_table(const ExperimentLds& result) {
  TextTable table(
      {{"attributor", Align::left}, {"LDS, validation points"}, {"LDS, training examples"}});
  for (const auto& a : result.attributors) {
    table.add_row({a.name.empty() ? "the experiment's own" : a.name,
                   words_of(a.validation.spearman), words_of(a.training.spearman)});
  }
  table.add_row({"the same subsets trained again", words_of(result.again.validation.spearman),
                 words_of(result.again.training.spearman)});
  table.add_row(
      {"ceiling", ceiling_text(result.again.validation), ceiling_text(result.again.training)});
  return table;
}

std::string lds_csv(const ExperimentLds& result) {
  std::string csv =
      "attributor,points,spearman,spearman_low,spearman_high,pearson,pearson_low,pearson_high\n";
  const auto number = [](double x) { return std::isnan(x) ? "" : fmt::format("{}", x); };
  const auto add = [&](const std::string& name, const AttributorLds& a) {
    for (const bool training : {true, false}) {
      const auto& r = training ? a.training : a.validation;
      csv += fmt::format("{},{},{},{},{},{},{},{}\n", name, training ? "training" : "validation",
                         number(r.spearman.mean), number(r.spearman.low), number(r.spearman.high),
                         number(r.pearson.mean), number(r.pearson.low), number(r.pearson.high));
    }
  };
  for (const auto& a : result.attributors) add(a.name.empty() ? "experiment" : a.name, a);
  add("trained again", result.again);
  return csv;
}

}  // namespace expunge
