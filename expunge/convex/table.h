// What a linear model is fitted to: numbers in rows, targets, weights; and the coordinates it is fitted in.
//
// Legend of this room: n examples, d features, k outputs, p columns of the design matrix (d, and one more
// for the intercept), F the forgotten examples, f how many, R = S \ F.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace expunge {

struct Table {
  std::string name;
  torch::Tensor x;        // (n, d) float64
  torch::Tensor y;        // (n, k) float64: targets, or one column a class, 1 for the example's own
  torch::Tensor labels;   // (n) int64 in [0, k); undefined for regression
  torch::Tensor weights;  // (n) float64 >= 0; undefined for all 1
  std::vector<std::string> class_names;  // (k); empty for regression

  [[nodiscard]] int64_t size() const { return x.size(0); }
  [[nodiscard]] int64_t features() const { return x.size(1); }
  [[nodiscard]] int64_t outputs() const { return y.size(1); }
  /// InputError, beginning with `where`, unless shapes and dtypes are as above, n, d and k are positive
  /// and a weight is; NonFiniteError for NaN and infinity.
  void validate(const std::string& where) const;
  /// weights, or ones.
  [[nodiscard]] torch::Tensor weights_or_ones() const;
  /// The rows given, in that order.
  [[nodiscard]] Table rows(std::span<const int64_t> indices) const;
};

/// A table for classification: y is made of the labels. InputError for labels out of [0, classes).
Table labelled_table(torch::Tensor x, torch::Tensor labels, std::vector<std::string> class_names);

/// (indices) as a tensor of int64.
torch::Tensor index_tensor(std::span<const int64_t> indices);

/// Feature j enters as (x_j - mean_j) / scale_j.
struct Coordinates {
  torch::Tensor mean;   // (d) float64
  torch::Tensor scale;  // (d) float64 > 0

  static Coordinates identity(int64_t d);
  /// Weighted mean and standard deviation (divisor: the sum of the weights); scale 1 for a feature
  /// whose standard deviation is below 1e-12 of its largest absolute value.
  static Coordinates of(const torch::Tensor& x, const torch::Tensor& weights);
};

/// (m, d + 1): sqrt(weight) times the features in these coordinates and a last column of 1.
torch::Tensor design_rows(const Table& table, std::span<const int64_t> indices,
                          const Coordinates& coordinates);
/// The same for all rows of the table.
torch::Tensor design_matrix(const Table& table, const Coordinates& coordinates);

/// A linear function of the features as they are in the table.
struct LinearModel {
  torch::Tensor weights;    // (d, k) float64
  torch::Tensor intercept;  // (k) float64

  /// From coefficients (d + 1, k) in `coordinates`, intercept last.
  static LinearModel from(const torch::Tensor& theta, const Coordinates& coordinates);
  /// The coefficients (d + 1, k) of the same function in `coordinates`.
  [[nodiscard]] torch::Tensor in(const Coordinates& coordinates) const;
  /// (m, d) -> (m, k).
  [[nodiscard]] torch::Tensor outputs(const torch::Tensor& x) const;
};

}  // namespace expunge
