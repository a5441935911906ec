// An audit of one unlearned model by the models that attribution is made from: would an attacker who knows what
// models with and without an example make of it say that this one was trained on it?
//
// The likelihood-ratio attack on membership (Carlini et al., arXiv 2112.03570, their online attack), with subset
// models as shadow models. For each example of F: a Gaussian is fitted to the margins of the subset models that
// saw it, another to those that did not, mean and unbiased variance each, and the audited model's margin x is
// called "trained on it" where
//     log p(x | seen) - log p(x | left out) > 0.
// U-LiRA (ulira.h) tells unlearned models from retrained ones, and needs many of both; this asks the question of
// one model that was delivered, and costs nothing. Subset models saw a share of the rest only, so that all their
// margins are a little lower than those of models with more data: what the attack says of models that truly were
// trained without an example is told beside it.
//
// Legend: N subset models with masks (N, n), m evaluation points, the training set first; F: the forget set.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>

namespace expunge {

/// Shares of the examples of F that the attack says a model was trained on.
struct MembershipAudit {
  int64_t examples = 0;  // judged: of F, those that at least 3 subset models saw and 3 left out
  double before = 0;     // the model before unlearning
  double after = 0;      // the unlearned one
  double left_out =
      0;  // subset models that left the example out, each judged by the Gaussians of the others
  double seen = 0;  // those that saw it, likewise
};

/// masks (N, n) bool, subset_margins (N, m), before and after (m) float32 in nats. All shares are 0 where no
/// example can be judged. InputError for shapes or dtypes that do not fit and indices out of [0, n);
/// NonFiniteError.
MembershipAudit audit_membership(const torch::Tensor& masks, const torch::Tensor& subset_margins,
                                 const torch::Tensor& before, const torch::Tensor& after,
                                 std::span<const int64_t> forget);

}  // namespace expunge
