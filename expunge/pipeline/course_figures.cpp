// Figures 2 and 5, and the losses: methods over time.
#include <algorithm>

#include "expunge/pipeline/figure_parts.h"
#include "expunge/pipeline/sweep.h"
#include "expunge/pipeline/unlearned_store.h"
#include "expunge/report/figure_plots.h"
#include "expunge/report/figure_tables.h"
#include "expunge/report/report_words.h"

namespace expunge::figures {
namespace {

constexpr int64_t kDrawn = 30;
const char* const kTimeLabel = "cost (% of one training)";

const char* plural(PointGroup group) {
  switch (group) {
    case PointGroup::forget:
      return "forgotten points";
    case PointGroup::retain:
      return "retained points";
    case PointGroup::validation:
      return "validation points";
  }
  return "";
}

std::vector<double> percent_of_training(const Experiment& experiment, const Trajectory& course) {
  std::vector<double> time;
  for (const double spent : course.sample_gradients)
    time.push_back(100 * spent / experiment.training_cost());
  return time;
}

TrajectoryPanel panel_of(const Experiment& experiment, const ForgetSet& set,
                         const std::string& method, const Trajectory& course,
                         const torch::Tensor& oracles, PointGroup group) {
  TrajectoryPanel panel;
  panel.heading = fmt::format("{}, {}", method, plural(group));
  panel.group = group;
  panel.x_label = kTimeLabel;
  panel.time = percent_of_training(experiment, course);
  const auto points = points_of(experiment, set, group);
  const auto drawn = drawn_points(experiment, group_name(group), points, kDrawn);
  panel.counted_points = static_cast<int64_t>(points.size());
  for (const int64_t point : points) {
    auto of_point = point_course(course.margins, oracles, point);
    if (of_point.overshoots) ++panel.counted_overshoots;
    if (std::find(drawn.begin(), drawn.end(), point) == drawn.end()) continue;
    panel.points.push_back({point, of_point.overshoots, std::move(of_point.likelihood)});
  }
  return panel;
}

}  // namespace

MadeFigure courses(const Experiment& experiment, const FigureSpec& spec, const SweepConfig& sweep) {
  const bool both = spec.name == "figure-5";
  MadeFigure figure;
  auto& section = figure.section;
  section.id = spec.name;
  section.heading =
      both ? "Figure 5: targets end the question of when to stop" : "Figure 2: missing targets";
  section.caption = fmt::format(
      "How likely the oracles are to give the mean unlearned margin, as a share of the peak of a "
      "Gaussian fitted to them. Up to {} random points of each group; thick red lines end below a "
      "tenth of what they had reached.",
      kDrawn);
  std::vector<TrajectoryPanel> all;
  for (const auto& set : experiment.forget_sets()) {
    const auto oracles = experiment.judging_margins(set);
    std::vector<SvgCanvas> pictures;
    for (const auto& cell : sweep.cells) {
      const auto course = mean_trajectory(open_cell(experiment, set, cell, sweep));
      const auto groups =
          both ? std::vector{PointGroup::forget}
               : std::vector{PointGroup::forget, PointGroup::retain, PointGroup::validation};
      for (const auto group : groups) {
        auto panel = panel_of(experiment, set, cell.method, course, oracles, group);
        if (panel.points.empty()) continue;
        pictures.push_back(trajectory_picture(panel));
        if (group == PointGroup::forget) {
          section.sentence +=
              fmt::format("{}On {}, {} of {} forgotten points are hurt by going on with {}.",
                          section.sentence.empty() ? "" : " ", set.config.name,
                          panel.counted_overshoots, panel.counted_points, cell.method);
        }
        panel.heading = set.config.name + ": " + panel.heading;
        all.push_back(std::move(panel));
      }
    }
    add_panels(figure, spec.name, set.config.name, set.config.name, std::move(pictures));
  }
  add_csv(figure, spec.name, trajectory_csv(all));
  return figure;
}

MadeFigure losses(const Experiment& experiment, const FigureSpec& spec, const SweepConfig& sweep) {
  MadeFigure figure;
  auto& section = figure.section;
  section.id = spec.name;
  section.heading = "Every method moves the model";
  section.sentence =
      "The loss on the forgotten examples rises under every method that means to forget; what "
      "differs is where it ends and what else it moves.";
  section.caption =
      "Mean cross-entropy of the models' mean margin over the points of a group, after each pass; "
      "dashed lines are where it starts.";
  std::vector<LossCurve> all;
  for (const auto& set : experiment.forget_sets()) {
    std::vector<SvgCanvas> pictures;
    for (const auto& cell : sweep.cells) {
      const auto course = mean_trajectory(open_cell(experiment, set, cell, sweep));
      LossCurve curve;
      curve.method = cell.method;
      curve.role = role_of(cell);
      curve.x_label = kTimeLabel;
      curve.time = percent_of_training(experiment, course);
      for (int64_t t = 0; t < course.margins.size(0); ++t) {
        const auto now =
            mean_losses(course.margins.narrow(0, t, 1), experiment.problem().n(), set.indices);
        curve.forget_loss.push_back(now.forget);
        curve.retain_loss.push_back(now.retain);
        curve.validation_loss.push_back(now.validation);
      }
      pictures.push_back(loss_picture(curve));
      curve.method = set.config.name + ": " + curve.method;
      all.push_back(std::move(curve));
    }
    add_panels(figure, spec.name, set.config.name, set.config.name, std::move(pictures));
  }
  add_csv(figure, spec.name, loss_csv(all));
  return figure;
}

}  // namespace expunge::figures
