// Margins: one number a model and point that says how sure the model is of the point's label.
//
// Legend: N models, m points, C classes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

namespace expunge {

/// margin = z_y - logsumexp over the classes c != y of z_c, in nats: the log-odds of the label
/// under softmax, log(p_y / (1 - p_y)), written so that neither probability has to be formed
/// (Georgiev et al., arXiv 2410.23232, section 3; Park et al., arXiv 2303.14186).
///
/// logits: (N, m, C) or, for one model, (m, C); float16 or float32, C >= 2; may be mapped from a
/// file, of which each page is read once. labels: (m) int64 in [0, C). Returns (N, m) or (m)
/// float32, computed in float32 after subtracting the largest of the other logits.
///
/// `workers` as in worker_count(); the result does not depend on it. Throws InputError for a wrong
/// shape or dtype and for a label out of range (naming the point), NonFiniteError for a NaN or
/// infinite logit (naming model, point and class).
torch::Tensor margins(const torch::Tensor& logits, const torch::Tensor& labels,
                      int64_t workers = 0);

/// Margins (N, m) of logits (N, m, C) to each of which a shift (m, C) float32 is added: what dm-direct
/// predicts. One model's logits at a time are held. Throws as margins() does.
torch::Tensor shifted_margins(const torch::Tensor& logits, const torch::Tensor& shift,
                              const torch::Tensor& labels, int64_t workers = 0);

/// The margins of all N models on one point of margins (N, m) float32.
std::vector<float> margins_of_point(const torch::Tensor& margins, int64_t point);

/// What every comparison of two sides asks of each: InputError, beginning with the side's name, unless
/// margins are (models, points) float32 of at least `least_models` models, as `metric` needs.
void require_margins(const std::string& side, const torch::Tensor& margins,
                     const std::string& metric, int64_t least_models);

}  // namespace expunge
