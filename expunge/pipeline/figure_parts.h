// What each kind of figure is made by, one source a kind. Internal.
#pragma once

#include "expunge/pipeline/figures.h"
#include "expunge/report/report_data.h"

namespace expunge::figures {

/// Figures 1 and 3: KLoM against cost.
MadeFigure frontiers(const Experiment& experiment, const FigureSpec& spec,
                     const SweepConfig& sweep);
/// Figures 2 and 5: likelihoods under the oracles over time.
MadeFigure courses(const Experiment& experiment, const FigureSpec& spec, const SweepConfig& sweep);
/// Losses over time: that every method moves the model.
MadeFigure losses(const Experiment& experiment, const FigureSpec& spec, const SweepConfig& sweep);
/// Figure 4: margins of null, oracle and dm-direct models.
MadeFigure margin_examples(const Experiment& experiment, const FigureSpec& spec);
/// KLoM beside U-LiRA.
MadeFigure attacks(const Experiment& experiment, const FigureSpec& spec, const SweepConfig& sweep);

/// KLoM against the number of subset models.
MadeFigure model_counts(const Experiment& experiment, const FigureSpec& spec,
                        const ModelCountConfig& config);

/// Adds the pictures as panels of the section and as one SVG file.
void add_panels(MadeFigure& figure, const std::string& figure_name, const std::string& part,
                std::string heading, std::vector<SvgCanvas> pictures);
void add_csv(MadeFigure& figure, const std::string& figure_name, std::string content);

/// Up to `count` of the points, drawn by (experiment's seed, role), ascending.
std::vector<int64_t> drawn_points(const Experiment& experiment, const std::string& role,
                                  const std::vector<int64_t>& points, int64_t count);

/// The evaluation points of a group.
std::vector<int64_t> points_of(const Experiment& experiment, const ForgetSet& set,
                               PointGroup group);

}  // namespace expunge::figures
