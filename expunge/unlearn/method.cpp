#include "expunge/unlearn/method.h"

#include "expunge/core/error.h"
#include "expunge/unlearn/exact_retraining.h"

namespace expunge {

const std::vector<std::pair<std::string, MethodKind>>& method_kinds() {
  static const std::vector<std::pair<std::string, MethodKind>> kinds = {
      {"do_nothing", MethodKind::do_nothing},
      {"gradient_ascent", MethodKind::gradient_ascent},
      {"gradient_descent", MethodKind::gradient_descent},
      {"gda", MethodKind::gda},
      {"scrub", MethodKind::scrub},
      {"relabelling", MethodKind::relabelling},
      {"ssd", MethodKind::ssd},
      {"bad_teacher", MethodKind::bad_teacher},
      {"matching", MethodKind::matching},
      {"retraining", MethodKind::retraining},
  };
  return kinds;
}

OptionGroup options_of(MethodOptions& o) {
  switch (o.kind) {
    case MethodKind::gradient_ascent:
    case MethodKind::gradient_descent:
      return options_of(o.stepping);
    case MethodKind::gda:
      return options_of(o.gda);
    case MethodKind::scrub:
      return options_of(o.scrub);
    case MethodKind::relabelling:
      return options_of(o.relabelling);
    case MethodKind::ssd:
      return options_of(o.ssd);
    case MethodKind::bad_teacher:
      return options_of(o.bad_teacher);
    case MethodKind::matching:
      return options_of(o.matching);
    case MethodKind::do_nothing:
    case MethodKind::retraining:
      break;
  }
  return {"method", "A method without options"};
}

std::unique_ptr<Unlearner> make_unlearner(const MethodOptions& o, const Recipe& recipe) {
  switch (o.kind) {
    case MethodKind::do_nothing:
      return std::make_unique<DoNothing>();
    case MethodKind::gradient_ascent:
      return std::make_unique<GradientAscent>(o.stepping);
    case MethodKind::gradient_descent:
      return std::make_unique<GradientDescent>(o.stepping);
    case MethodKind::gda:
      return std::make_unique<AscentDescent>(o.gda);
    case MethodKind::scrub:
      return std::make_unique<Scrub>(o.scrub);
    case MethodKind::relabelling:
      return std::make_unique<Relabelling>(o.relabelling);
    case MethodKind::ssd:
      return std::make_unique<SynapticDampening>(o.ssd);
    case MethodKind::bad_teacher:
      return std::make_unique<BadTeacher>(o.bad_teacher, recipe.network);
    case MethodKind::matching:
      return std::make_unique<TargetMatching>(o.matching);
    case MethodKind::retraining:
      return std::make_unique<ExactRetraining>(recipe);
  }
  fail<OptionError>("method: one of the known kinds required, got {}", static_cast<int>(o.kind));
}

}  // namespace expunge
