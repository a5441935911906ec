// Every unlearner by name, with its options: what a file or a command line chooses from.
#pragma once

#include <memory>

#include "expunge/unlearn/ascent_descent.h"
#include "expunge/unlearn/bad_teacher.h"
#include "expunge/unlearn/relabelling.h"
#include "expunge/unlearn/scrub.h"
#include "expunge/unlearn/synaptic_dampening.h"
#include "expunge/unlearn/target_matching.h"

namespace expunge {

enum class MethodKind {
  do_nothing,
  gradient_ascent,
  gradient_descent,
  gda,
  scrub,
  relabelling,
  ssd,
  bad_teacher,
  matching,  // to target logits: Datamodel Matching, or oracle matching
  retraining,
};

/// A method and the options of every kind, of which its own count.
struct MethodOptions {
  MethodKind kind = MethodKind::matching;
  SteppingOptions stepping;  // gradient_ascent, gradient_descent
  AscentDescentOptions gda;
  ScrubOptions scrub;
  RelabellingOptions relabelling;
  SynapticDampeningOptions ssd;
  BadTeacherOptions bad_teacher;
  MatchingOptions matching;
};

/// "gradient_ascent", ...: the names of the kinds, in the order of the enumeration.
const std::vector<std::pair<std::string, MethodKind>>& method_kinds();

/// The options that the method's kind has.
OptionGroup options_of(MethodOptions& options);

/// `recipe` is the one by which the networks that it will be given were trained. OptionError if an
/// option is out of its range.
std::unique_ptr<Unlearner> make_unlearner(const MethodOptions& options, const Recipe& recipe);

}  // namespace expunge
