// Losses on logits, with their gradients, which are on the logits' device.
#pragma once

#include <torch/types.h>

namespace expunge {

/// Mean cross-entropy (nats) of logits (B, C), float32 or float64, against labels (B) int64 there or on
/// the CPU. Writes d(loss)/d(logits) = (softmax(z) - onehot(y)) / B to `gradient` (B, C).
double cross_entropy(const torch::Tensor& logits, const torch::Tensor& labels,
                     torch::Tensor& gradient);

/// Mean over samples and classes of the squared difference between logits and targets (B, C).
/// Writes d(loss)/d(logits) = 2 (z - t) / (B C) to `gradient`.
double mean_squared_error(const torch::Tensor& logits, const torch::Tensor& targets,
                          torch::Tensor& gradient);

/// Mean over samples of T^2 KL(softmax(t / T) || softmax(z / T)) in nats, z the logits (B, C), t a
/// teacher's and T the temperature, > 0 (Hinton, Vinyals and Dean, arXiv 1503.02531, who scale by
/// T^2 so that gradients keep their size). Writes d(loss)/d(z) = T (softmax(z / T) -
/// softmax(t / T)) / B to `gradient`.
double distillation(const torch::Tensor& logits, const torch::Tensor& teacher, double temperature,
                    torch::Tensor& gradient);

}  // namespace expunge
