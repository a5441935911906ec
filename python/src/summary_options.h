// The options of KLoM by groups of points.
#pragma once

#include "arguments.h"
#include "expunge/evaluate/group_summary.h"
#include "expunge/evaluate/klom.h"

namespace expunge::python {

struct SummaryOptions {
  KlomOptions klom;
  ResamplingOptions resampling;

  void validate() const {
    klom.validate();
    resampling.validate();
  }
};

/// One number of workers serves both: that of the resampling.
inline OptionGroup options_of(SummaryOptions& options) {
  auto group = expunge::options_of(options.klom);
  group.include(keywords_of(options.resampling));
  return group;
}

inline SummaryOptions summary_options_from(const py::kwargs& keywords) {
  auto options = options_from<SummaryOptions>(keywords);
  options.klom.workers = options.resampling.workers;
  return options;
}

}  // namespace expunge::python
