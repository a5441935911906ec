// The paper's figures as runs of an experiment: what each needs, and what it shows.
//
//   OUT/figures.html        the figures that have been made in this folder
//   OUT/figures/<name>.csv  a figure's numbers, OUT/figures/<name>-*.svg its pictures
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "expunge/pipeline/model_counts.h"
#include "expunge/pipeline/sweep_config.h"
#include "expunge/report/figures_page.h"

namespace expunge {

/// A figure that can be made.
struct FigureSpec {
  std::string name;        // "figure-1"
  std::string experiment;  // its configuration: configs/reproduce/<experiment><scale>.toml
  std::string grid;        // configs/reproduce/<grid>; empty if it needs none
  std::string about;       // for lists of commands
};
const std::vector<FigureSpec>& figure_specs();

/// OptionError, with the nearest name, if there is none called `name`.
const FigureSpec& figure_spec(const std::string& name);

/// What a figure runs in its experiment's folder, beside the experiment. At most one of them.
struct FigureGrid {
  std::optional<SweepConfig> sweep;
  std::optional<ModelCountConfig> counts;
};
/// Reads the figure's grid in the folder `configs`; throws as read_sweep_config() and
/// read_model_count_config() do.
FigureGrid read_grid(const FigureSpec& spec, const std::filesystem::path& configs);
/// Runs it; resumable. Throws as run_sweep() and run_model_counts() do.
void run_grid(const Experiment& experiment, const FigureGrid& grid);

struct FigureFile {
  std::string name;  // within OUT/figures
  std::string content;
};

/// A figure's section of the page and the files beside it.
struct MadeFigure {
  FigureSection section;
  std::vector<FigureFile> files;
};

/// Makes a figure from a grid that was run (and the experiment's ensembles). InputError names what is
/// not there.
MadeFigure make_figure(const Experiment& experiment, const FigureSpec& spec,
                       const FigureGrid& grid);

/// Writes a figure's files, then OUT/figures.html with it and all others of `configs` (the folder of
/// the grids) whose files are there. Returns the figure.
MadeFigure write_figure(const Experiment& experiment, const FigureSpec& spec,
                        const std::filesystem::path& configs);

/// One point's course, by how likely the oracles are to give the mean unlearned margin.
///   likelihood_t = exp(-z_t^2 / 2), z_t = (mean margin at time t - mean of the oracles') / their
///   deviation: the density of the Gaussian fitted to the oracles, as a share of its peak.
/// The point overshoots if it ends below a tenth of the likelihood that it had at its best.
struct PointCourse {
  std::vector<double> likelihood;
  bool overshoots = false;
};

/// Of point `point`: margins (T, m) float32 of the mean model over time, and of oracles (No, m),
/// whose deviation is taken to be at least 1e-3 nats.
PointCourse point_course(const torch::Tensor& margins, const torch::Tensor& oracle_margins,
                         int64_t point);

}  // namespace expunge
