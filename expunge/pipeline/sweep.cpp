#include "expunge/pipeline/sweep.h"

#include <algorithm>
#include <cmath>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/data/forget_set.h"
#include "expunge/evaluate/cost.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/unlearned_store.h"
#include "expunge/unlearn/class_weights.h"

namespace expunge {
namespace {

namespace fs = std::filesystem;

// The datamodels that a cell follows.
DatamodelsConfig datamodels_of(const RunConfig& config, const SweepCell& cell,
                               const SweepConfig& sweep) {
  DatamodelsConfig used{
      .name = "", .subset_models = 0, .masks = {}, .attribution = config.attribution};
  for (const auto& other : sweep.datamodels) {
    if (other.name == cell.datamodels) used = other;
  }
  if (used.subset_models == 0) {
    used.subset_models = config.ensembles.subset_models;
    used.masks = config.ensembles.masks;
  }
  return used;
}

// All that decides a cell's models: its own settings, and those of the datamodels that it follows.
std::map<std::string, std::string> cell_settings(const RunConfig& config, const SweepCell& cell,
                                                 const SweepConfig& sweep) {
  auto settings = cell.settings();
  if (cell.targets != CellTargets::predicted) return settings;
  settings["multiplier"] = to_toml(config.evaluation.multiplier);
  auto used = datamodels_of(config, cell, sweep);
  settings.merge(settings_of(options_of(used), "datamodels."));
  return settings;
}

// "DMM as in the paper" -> "dmm-as-in-the-paper".
std::string slug(const std::string& name) {
  std::string out;
  for (const char c : name) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (plain) out += c;
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if (!plain && !(c >= 'A' && c <= 'Z') && !out.empty() && out.back() != '-') out += '-';
  }
  return out;
}

std::string cell_name(const RunConfig& config, const SweepCell& cell, const SweepConfig& sweep) {
  std::string text;
  for (const auto& [name, value] : cell_settings(config, cell, sweep))
    text += fmt::format("{} = {}\n", name, value);
  if (cell.trajectory) text += "trajectory\n";
  return fmt::format("{}-{:016x}", slug(cell.method), derive_seed(0, text, 0));
}

fs::path cell_folder(const Experiment& experiment, const ForgetSet& set, const SweepCell& cell,
                     const SweepConfig& sweep) {
  return experiment.folder() / cell_store(experiment.config(), set.config.name, cell, sweep).folder;
}

void run_cell(const Experiment& experiment, const ForgetSet& set, const SweepCell& cell,
              const SweepConfig& sweep, const RowShare& share) {
  const auto store = cell_store(experiment.config(), set.config.name, cell, sweep);
  const auto folder = experiment.folder() / store.folder;
  if (fs::exists(folder / "_completed.npy") || fs::exists(folder / "diverged.txt")) return;
  UnlearnedSpec spec;
  spec.name = store.name;
  spec.models = store.models;
  spec.weights = false;
  spec.trajectory = cell.trajectory;
  spec.settings = cell_settings(experiment.config(), cell, sweep);
  spec.share = share;
  if (cell.targets == CellTargets::predicted) {
    spec.targets = experiment.predicted_targets(read_shift(experiment, set, cell.datamodels) *
                                                experiment.config().evaluation.multiplier);
  } else if (cell.targets == CellTargets::oracle) {
    spec.targets = experiment.oracle_targets_of(set);
  }
  const auto unlearner = make_unlearner(cell.options, experiment.config().recipe);
  try {
    fill_unlearned(experiment, set, folder, *unlearner, spec);
  } catch (const NonFiniteError& error) {
    write_file_atomically(folder / "diverged.txt", std::string(error.what()) + "\n");
  }
}

double softplus(double x) {
  return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
}

// (m) mean over models of the cross-entropy.
torch::Tensor point_losses(const torch::Tensor& margins) {
  const auto rows = margins.contiguous();
  auto losses = torch::zeros({rows.size(1)}, torch::kFloat64);
  auto* loss = losses.data_ptr<double>();
  const auto* margin = rows.data_ptr<float>();
  for (int64_t i = 0; i < rows.size(0); ++i) {
    for (int64_t j = 0; j < rows.size(1); ++j) loss[j] += softplus(-*margin++);
  }
  return losses / static_cast<double>(rows.size(0));
}

// The full models' mean loss on validation points, each class weighted as in F; 0 without any.
double unseen_loss(const torch::Tensor& full_margins, const Problem& problem,
                   std::span<const int64_t> forget) {
  const auto weights = class_weights(problem, forget);
  const double weight = weights.sum().item<double>();
  const auto losses = point_losses(full_margins).narrow(0, problem.n(), problem.m() - problem.n());
  return weight > 0 ? (losses * weights).sum().item<double>() / weight : 0;
}

class ForgetSetResults {
 public:
  ForgetSetResults(const Experiment& experiment, const SweepConfig& sweep, const ForgetSet& set)
      : experiment_(experiment),
        sweep_(sweep),
        set_(set),
        full_(experiment.open_store("full", "train").logits()) {
    const auto& labels = experiment.problem().labels;
    const auto oracles = experiment.open_store("oracle-" + set.config.name, "train").logits();
    const int64_t judges = experiment.judging_oracles();
    judges_ = margins(oracles.narrow(0, 0, judges), labels, experiment.workers());
    others_ =
        margins(oracles.narrow(0, judges, oracles.size(0) - judges), labels, experiment.workers());
  }

  std::vector<CellResult> run() {
    SweepCell nothing{.method = "do nothing", .options = {}, .datamodels = {}, .varied = {}};
    nothing.options.kind = MethodKind::do_nothing;
    const auto full_margins = margins(full_, experiment_.problem().labels, experiment_.workers());
    measure(nothing, full_margins);
    SweepCell retraining{.method = "retraining", .options = {}, .datamodels = {}, .varied = {}};
    retraining.options.kind = MethodKind::retraining;
    auto& floor = measure(retraining, others_);
    floor.sample_gradients =
        static_cast<double>(experiment_.problem().n() - static_cast<int64_t>(set_.indices.size())) *
        static_cast<double>(experiment_.config().recipe.epochs);
    floor.cost_share = 1;  // by convention: the share of one training, of S or of R
    for (const auto& cell : sweep_.cells) add(cell);
    choose(unseen_loss(full_margins, experiment_.problem(), set_.indices));
    return std::move(results_);
  }

 private:
  void add(const SweepCell& cell) {
    const auto& labels = experiment_.problem().labels;
    if (cell.prediction) {
      const auto shift = read_shift(experiment_, set_, cell.datamodels) *
                         experiment_.config().evaluation.multiplier;
      measure(cell, shifted_margins(full_, shift, labels, experiment_.workers()));
      return;
    }
    const auto note = cell_folder(experiment_, set_, cell, sweep_) / "diverged.txt";
    if (fs::exists(note)) {
      auto& result = append(cell);
      result.diverged = read_file(note);
      while (!result.diverged.empty() && result.diverged.back() == '\n') result.diverged.pop_back();
      return;
    }
    const auto store = open_cell(experiment_, set_, cell, sweep_);
    auto& result = measure(cell, margins(store.logits(), labels, experiment_.workers()));
    const auto work = mean_work(store);
    result.sample_gradients = work.sample_gradients;
    result.cost_share = share_of_training({work.sample_gradients}, experiment_.training_cost());
    result.seconds = work.seconds;
  }

  CellResult& append(const SweepCell& cell) {
    auto& result = results_.emplace_back();
    result.forget_set = set_.config.name;
    result.cell = cell;
    result.role = role_of(cell);
    if (cell.prediction || cell.targets == CellTargets::predicted)
      result.subset_models = datamodels_of(experiment_.config(), cell, sweep_).subset_models;
    return result;
  }

  CellResult& measure(const SweepCell& cell, const torch::Tensor& cell_margins) {
    auto& result = append(cell);
    const int64_t n = experiment_.problem().n();
    KlomOptions klom_options = experiment_.config().evaluation.klom;
    klom_options.workers = experiment_.workers();
    result.klom =
        summarise_klom(cell_margins, judges_, n, set_.indices, klom_options, {.resamples = 0});
    result.losses = mean_losses(cell_margins, n, set_.indices);
    if (cell_margins.size(0) >= 4 && judges_.size(0) >= 4) {
      result.scores =
          ulira_scores(cell_margins, judges_, set_.indices, {.workers = experiment_.workers()});
      result.attack = summarise_ulira({&result.scores, 1});
    }
    return result;
  }

  // Marks each method's best cells.
  void choose(double unseen) {
    const auto full = results_.front().losses;
    const auto without_oracles = [&](const CellResult& r) {
      return std::abs(r.losses.forget - unseen) + std::abs(r.losses.retain - full.retain) +
             std::abs(r.losses.validation - full.validation);
    };
    const auto by_oracles = [](const CellResult& r) { return r.average(); };
    std::map<std::string, std::vector<CellResult*>> methods;
    for (auto& result : results_) {
      if (result.diverged.empty()) methods[result.cell.method].push_back(&result);
    }
    for (auto& [name, cells] : methods) {
      const auto least = [&cells = cells](const auto& score) {
        return *std::min_element(cells.begin(), cells.end(),
                                 [&](auto* a, auto* b) { return score(*a) < score(*b); });
      };
      least(by_oracles)->best_by_oracles = true;
      least(without_oracles)->best_without_oracles = true;
    }
  }

  const Experiment& experiment_;
  const SweepConfig& sweep_;
  const ForgetSet& set_;
  torch::Tensor full_;    // (N, m, C) logits
  torch::Tensor judges_;  // (No, m) margins of the oracles that judge
  torch::Tensor others_;  // of those that do not
  std::vector<CellResult> results_;
};

}  // namespace

MethodRole role_of(const SweepCell& cell) {
  if (cell.prediction) return MethodRole::prediction;
  switch (cell.options.kind) {
    case MethodKind::do_nothing:
      return MethodRole::nothing;
    case MethodKind::retraining:
      return MethodRole::floor;
    case MethodKind::matching:
      return cell.targets == CellTargets::oracle ? MethodRole::reference : MethodRole::unlearner;
    default:
      return MethodRole::baseline;
  }
}

GroupLosses mean_losses(const torch::Tensor& margins, int64_t n, std::span<const int64_t> forget) {
  const auto losses = point_losses(margins);
  const auto forgotten = forget_mask(forget, n);
  const auto training = losses.narrow(0, 0, n);
  const int64_t validation = losses.numel() - n;
  return {training.masked_select(forgotten).mean().item<double>(),
          training.masked_select(forgotten.logical_not()).mean().item<double>(),
          validation > 0 ? losses.narrow(0, n, validation).mean().item<double>() : 0};
}

PlannedStore cell_store(const RunConfig& config, const std::string& set, const SweepCell& cell,
                        const SweepConfig& sweep) {
  const auto name = cell_name(config, cell, sweep);
  return {.name = name + "-" + set,
          .folder = fs::path("sweep") / set / name,
          .models = cell.targets == CellTargets::oracle ? matched_models(config.ensembles)
                                                        : config.ensembles.full_models,
          .unlearned = true};
}

void run_cells(const Experiment& experiment, const SweepConfig& sweep, RowShare share) {
  for (const auto& set : experiment.forget_sets()) {
    for (const auto& cell : sweep.cells) {
      if (cell.prediction) continue;
      run_cell(experiment, set, cell, sweep, share);
      share = share.after(cell_store(experiment.config(), set.config.name, cell, sweep).models);
    }
  }
}

void run_sweep(const Experiment& experiment, const SweepConfig& sweep) {
  for (const auto& datamodels : sweep.datamodels) make_datamodels(experiment, datamodels);
  run_cells(experiment, sweep);
}

EnsembleStore open_cell(const Experiment& experiment, const ForgetSet& set, const SweepCell& cell,
                        const SweepConfig& sweep) {
  return experiment.open_store(
      fs::relative(cell_folder(experiment, set, cell, sweep), experiment.folder()).string(),
      "sweep");
}

std::vector<CellResult> sweep_results(const Experiment& experiment, const SweepConfig& sweep) {
  std::vector<CellResult> results;
  for (const auto& set : experiment.forget_sets()) {
    for (auto& result : ForgetSetResults(experiment, sweep, set).run())
      results.push_back(std::move(result));
  }
  return results;
}

}  // namespace expunge
