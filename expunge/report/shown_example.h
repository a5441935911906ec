// One example with its picture and what is to be said of it, alone or among others in rows.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>

namespace expunge {

struct ShownExample {
  int64_t index = 0;    ///< into the training set, or into the evaluation points
  std::string label;    ///< name of the class that the data give it
  torch::Tensor image;  ///< (C, H, W); undefined or not drawable: no picture
  std::string value;    ///< the number that it is shown for, with its unit and uncertainty
  std::string note;     ///< smaller, below; may be empty
  bool strong = false;  ///< whether the value stands out
};

/// Whether png_data_uri() can draw `image`: (1 or 3, H, W), H and W above 1, uint8 or finite floating
/// values in [0, 1]. Vectors, and images of other channels or ranges, are data sets without pictures.
bool is_drawable(const torch::Tensor& image);

/// An <img> at `width` CSS pixels, its pixels kept sharp; nothing if the image is not drawable.
std::string example_image_html(const ShownExample& example, int width);

/// A list of examples in rows, each with picture, class, index, value and note; nothing for none.
std::string example_rows_html(std::span<const ShownExample> examples);

/// CSS of both, beside report_style().
std::string shown_example_style();

}  // namespace expunge
