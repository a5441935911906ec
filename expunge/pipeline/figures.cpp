#include "expunge/pipeline/figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"
#include "expunge/data/forget_set.h"
#include "expunge/evaluate/margins.h"
#include "expunge/pipeline/evaluation.h"
#include "expunge/pipeline/figure_parts.h"

namespace expunge {

namespace fs = std::filesystem;

const std::vector<FigureSpec>& figure_specs() {
  static const std::vector<FigureSpec> specs = {
      {"figure-1", "", "figure-1.toml", "KLoM against cost, every method"},
      {"figure-2", "", "figure-2.toml", "SCRUB over time: missing targets"},
      {"figure-3", "", "figure-3.toml", "oracle matching against cost"},
      {"figure-4", "", "", "margins of full models, oracles and dm-direct"},
      {"figure-5", "", "figure-5.toml", "SCRUB beside oracle matching over time"},
      {"losses", "", "losses.toml", "losses over time: every method moves the model"},
      {"u-lira", "u-lira-", "u-lira.toml", "KLoM beside the U-LiRA attack"},
      {"model-count", "model-count-", "model-count.toml",
       "KLoM against the number of subset models"},
  };
  return specs;
}

const FigureSpec& figure_spec(const std::string& name) {
  std::vector<std::string> names;
  for (const auto& spec : figure_specs()) {
    if (spec.name == name) return spec;
    names.push_back(spec.name);
  }
  fail<OptionError>("unknown figure \"{}\"; did you mean {}?", name, nearest_name(name, names));
}

FigureGrid read_grid(const FigureSpec& spec, const fs::path& configs) {
  FigureGrid grid;
  if (spec.name == "model-count") {
    grid.counts = read_model_count_config(configs / spec.grid);
  } else if (!spec.grid.empty()) {
    grid.sweep = read_sweep_config(configs / spec.grid);
  }
  return grid;
}

void run_grid(const Experiment& experiment, const FigureGrid& grid) {
  if (grid.sweep) run_sweep(experiment, *grid.sweep);
  if (grid.counts) run_model_counts(experiment, *grid.counts);
}

MadeFigure make_figure(const Experiment& experiment, const FigureSpec& spec,
                       const FigureGrid& grid) {
  if (!spec.grid.empty() && !grid.sweep && !grid.counts)
    fail("{}: a grid required, got none", spec.name);
  if (spec.name == "figure-4") return figures::margin_examples(experiment, spec);
  if (grid.counts) return figures::model_counts(experiment, spec, *grid.counts);
  if (spec.name == "figure-2" || spec.name == "figure-5")
    return figures::courses(experiment, spec, *grid.sweep);
  if (spec.name == "losses") return figures::losses(experiment, spec, *grid.sweep);
  if (spec.name == "u-lira") return figures::attacks(experiment, spec, *grid.sweep);
  return figures::frontiers(experiment, spec, *grid.sweep);
}

MadeFigure write_figure(const Experiment& experiment, const FigureSpec& spec,
                        const fs::path& configs) {
  const auto folder = experiment.folder() / "figures";
  const auto made_as = [&](const FigureSpec& figure) {
    return make_figure(experiment, figure, read_grid(figure, configs));
  };
  fs::create_directories(folder);
  MadeFigure made;
  FiguresPage page;
  page.title = experiment.config().name;
  page.subtitle = data_line(experiment);
  page.warnings = stability_warnings(experiment);
  for (const auto& other : figure_specs()) {
    const bool asked = other.name == spec.name;
    if (!asked && !fs::exists(folder / (other.name + ".csv"))) continue;
    auto figure = made_as(other);
    page.sections.push_back(figure.section);
    if (!asked) continue;
    for (const auto& file : figure.files) write_file_atomically(folder / file.name, file.content);
    made = std::move(figure);
  }
  write_file_atomically(experiment.folder() / "figures.html", render_figures(page));
  return made;
}

PointCourse point_course(const torch::Tensor& margins, const torch::Tensor& oracle_margins,
                         int64_t point) {
  const auto oracles = oracle_margins.select(1, point).to(torch::kFloat64);
  const double mean = oracles.mean().item<double>();
  const double deviation = std::max(oracles.std().item<double>(), 1e-3);
  const auto course = margins.select(1, point).to(torch::kFloat64).contiguous();
  PointCourse result;
  double best = -INFINITY;
  double last = 0;
  for (int64_t t = 0; t < course.numel(); ++t) {
    const double z = (course.data_ptr<double>()[t] - mean) / deviation;
    last = -z * z / 2;
    best = std::max(best, last);
    result.likelihood.push_back(std::exp(last));
  }
  result.overshoots = last < best - std::log(10.0);
  return result;
}

namespace figures {

void add_panels(MadeFigure& figure, const std::string& figure_name, const std::string& part,
                std::string heading, std::vector<SvgCanvas> pictures) {
  const auto file = fmt::format("{}-{}.svg", figure_name, part);
  figure.files.push_back({file, SvgCanvas::file(pictures, 3, heading)});
  figure.section.files.push_back("figures/" + file);
  figure.section.panels.push_back({std::move(heading), std::move(pictures)});
}

void add_csv(MadeFigure& figure, const std::string& figure_name, std::string content) {
  const auto file = figure_name + ".csv";
  figure.files.push_back({file, std::move(content)});
  figure.section.files.push_back("figures/" + file);
}

std::vector<int64_t> points_of(const Experiment& experiment, const ForgetSet& set,
                               PointGroup group) {
  if (group == PointGroup::forget) return set.indices;
  const int64_t n = experiment.problem().n();
  if (group == PointGroup::retain) return retain_indices(set.indices, n);
  std::vector<int64_t> points(static_cast<size_t>(experiment.problem().m() - n));
  std::iota(points.begin(), points.end(), n);
  return points;
}

std::vector<int64_t> drawn_points(const Experiment& experiment, const std::string& role,
                                  const std::vector<int64_t>& points, int64_t count) {
  CounterRng rng(
      derive_seed(static_cast<uint64_t>(experiment.config().ensembles.seed), "figure " + role, 0));
  const auto order = rng.permutation(static_cast<int64_t>(points.size()));
  std::vector<int64_t> drawn;
  for (int64_t k = 0; k < std::min<int64_t>(count, static_cast<int64_t>(points.size())); ++k)
    drawn.push_back(points[static_cast<size_t>(order[static_cast<size_t>(k)])]);
  std::sort(drawn.begin(), drawn.end());
  return drawn;
}

}  // namespace figures
}  // namespace expunge
