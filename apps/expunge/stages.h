// The stages of an experiment as the commands run them.
#pragma once

#include "command.h"

namespace expunge::app {

/// Which stages a command runs, in this order.
struct Stages {
  bool train = false;
  bool attribute = false;
  bool unlearn = false;
  bool evaluate = false;  // prints the tables
};

/// Prints what they would take, in models, sample gradients, time, disk and memory; `also`: a line on what
/// comes on top.
void print_plan(const RunConfig& config, bool unlearning, const CommonFlags& common,
                const std::string& also = {});

/// Runs the stages of the experiment in `flags`. Tables go to standard output, all else to standard
/// error.
void run_stages(const ExperimentFlags& flags, const Stages& stages);

}  // namespace expunge::app
