// Two-dimensional convolutions and their gradients, on the CPU by Winograd's algorithm where that is to be had.
//
// Shapes: B samples; x (B, in, H, W); weight (out, in, k, k); y (B, out, H', W').
#pragma once

#include <torch/types.h>

namespace expunge {

struct ConvolutionGeometry {
  int64_t stride = 1;   // pixels
  int64_t padding = 0;  // pixels of zeros on each side

  bool operator==(const ConvolutionGeometry&) const = default;
};

/// y, in memory of its own. x and weight of one floating dtype and device.
///
/// Convolutions of 3 x 3 pixels with stride 1 and padding 1, float32, channels last, of 64 or more channels on either
/// side (multiples of 16) and images of 4 x 4 or more are oneDNN's by Winograd's algorithm F(4 x 4, 3 x 3) (Lavin and
/// Gray, arXiv 1509.09308), where the processor has AVX-512: a quarter of the multiplications; differs from the sum
/// as it is written by about 1e-6 of its size. All else is LibTorch's.
torch::Tensor convolution_product(const torch::Tensor& x, const torch::Tensor& weight,
                                  ConvolutionGeometry geometry);

/// d/dx of <y, output_gradient>, undefined unless `of_input`; d/dweight into `of_weight`, if given: of weight's shape and
/// contiguous. By the same rule.
torch::Tensor convolution_gradients(const torch::Tensor& output_gradient, const torch::Tensor& x,
                                    const torch::Tensor& weight, ConvolutionGeometry geometry,
                                    bool of_input, torch::Tensor* of_weight);

}  // namespace expunge
