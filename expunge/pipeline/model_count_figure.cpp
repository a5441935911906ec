// KLoM against the number of subset models.
#include <algorithm>

#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/figure_parts.h"
#include "expunge/report/count_curves.h"
#include "expunge/report/report_words.h"

namespace expunge::figures {
namespace {

// The parts of one estimator on one forget set, by number of models.
std::vector<CountPoint> points_by_count(const std::vector<CountResult>& results,
                                        const std::string& forget_set,
                                        const CountedEstimator& estimator) {
  std::vector<CountPoint> points;
  for (const auto& r : results) {
    if (r.forget_set != forget_set || r.estimator != estimator.name) continue;
    if (points.empty() || points.back().models != r.models) {
      points.push_back({r.models, r.forget, r.forget, r.forget, 1});
      continue;
    }
    auto& p = points.back();
    p.mean += (r.forget - p.mean) / static_cast<double>(++p.parts);
    p.low = std::min(p.low, r.forget);
    p.high = std::max(p.high, r.forget);
  }
  for (auto& p : points) p.mean = std::clamp(p.mean, p.low, p.high);
  return points;
}

// "random-20: with 100 models plain ridge 5.10, own effect 0.81, ...; the floor is 0.69."
std::string words_about(const CountPanel& panel, int64_t models) {
  std::string text = fmt::format("{}: with {} models", panel.forget_set, count_text(models));
  for (const auto& curve : panel.curves) {
    for (const auto& p : curve.points) {
      if (p.models == models) text += fmt::format(" {} {},", curve.estimator, klom_text(p.mean));
    }
  }
  return text + fmt::format(" the floor {}.", klom_text(panel.floor));
}

std::string counts_csv(const std::vector<CountResult>& results,
                       const std::vector<CountPanel>& panels) {
  TextTable table({{"forget_set"},
                   {"estimator"},
                   {"models"},
                   {"part"},
                   {"klom_p95_forget"},
                   {"klom_p95_retain"},
                   {"klom_p95_validation"},
                   {"floor"},
                   {"do_nothing_forget"}});
  for (const auto& panel : panels) {
    for (const auto& r : results) {
      if (r.forget_set != panel.forget_set) continue;
      table.add_row({r.forget_set, r.estimator, fmt::format("{}", r.models),
                     fmt::format("{}", r.part), digits_text(r.forget), digits_text(r.retain),
                     digits_text(r.validation), digits_text(panel.floor),
                     digits_text(panel.nothing)});
    }
  }
  return table.csv();
}

// KLoM of doing nothing and of oracles that do not judge.
void add_levels(const Experiment& experiment, const ForgetSet& set, CountPanel& panel) {
  const auto& labels = experiment.problem().labels;
  const int64_t judging = experiment.judging_oracles();
  auto options = experiment.config().evaluation.klom;
  options.workers = experiment.workers();
  const auto judges = experiment.judging_margins(set);
  const auto klom_of = [&](const torch::Tensor& logits) {
    return summarise_klom(margins(logits, labels, experiment.workers()), judges,
                          experiment.problem().n(), set.indices, options, {.resamples = 0});
  };
  panel.nothing = klom_of(experiment.open_store("full", "train").logits()).forget.p95;
  const auto oracles = experiment.open_store("oracle-" + set.config.name, "train").logits();
  panel.floor = klom_of(oracles.slice(0, judging)).all.p95;
}

}  // namespace

MadeFigure model_counts(const Experiment& experiment, const FigureSpec& spec,
                        const ModelCountConfig& config) {
  const auto results = model_count_results(experiment, config);
  MadeFigure figure;
  auto& section = figure.section;
  section.id = spec.name;
  section.heading = "How many subset models predictions need";
  section.caption = fmt::format(
      "KLoM P95 over the forgotten examples of dm-direct, in nats, against the number of subset "
      "models that the estimator was fitted on. Marks are means over up to {} parts of one "
      "ensemble "
      "that share no model, bars their least and largest.",
      std::max_element(config.estimators.begin(), config.estimators.end(),
                       [](const auto& a, const auto& b) { return a.parts < b.parts; })
          ->parts);
  std::vector<CountPanel> panels;
  for (const auto& set : experiment.forget_sets()) {
    CountPanel panel{.forget_set = set.config.name, .curves = {}};
    add_levels(experiment, set, panel);
    for (const auto& estimator : config.estimators) {
      panel.curves.push_back(
          {estimator.name, points_by_count(results, set.config.name, estimator)});
    }
    const auto& counts = config.estimators.front().models;
    const auto hundred = std::lower_bound(counts.begin(), counts.end(), 100);
    section.sentence += (section.sentence.empty() ? "" : " ") +
                        words_about(panel, hundred == counts.end() ? counts.back() : *hundred);
    section.tables.push_back({set.config.name, count_table(panel)});
    add_panels(figure, spec.name, set.config.name,
               fmt::format("{} ({} examples)", set.config.name, set.indices.size()),
               count_pictures(panel));
    panels.push_back(std::move(panel));
  }
  add_csv(figure, spec.name, counts_csv(results, panels));
  return figure;
}

}  // namespace expunge::figures
