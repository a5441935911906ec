#include "expunge/core/gemm.h"

#include <ATen/ops/matmul.h>
#include <gtest/gtest.h>

#include <limits>

#include "core/scratch_folder.h"
#include "expunge/core/error.h"
#include "expunge/core/random.h"

namespace expunge {
namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

// A (rows, columns) matrix of uniform numbers in [-1, 1), the left part of one that is `pad` wider,
// whose rest is NaN: a product that reads past a row is NaN.
torch::Tensor uniform(CounterRng& rng, int64_t rows, int64_t columns, int64_t pad,
                      torch::ScalarType dtype) {
  auto whole = torch::full({rows, columns + pad}, nan_value, torch::kFloat64);
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) {
      whole.data_ptr<double>()[i * (columns + pad) + j] = 2 * rng.uniform() - 1;
    }
  }
  return whole.to(dtype).narrow(1, 0, columns);
}

torch::Tensor expected(const torch::Tensor& a, bool transpose_a, const torch::Tensor& b,
                       bool transpose_b, const torch::Tensor& before, double alpha, double beta) {
  const auto x = a.to(torch::kFloat64);
  const auto y = b.to(torch::kFloat64);
  auto product = alpha * torch::matmul(transpose_a ? x.t() : x, transpose_b ? y.t() : y);
  return beta == 0 ? product : product + beta * before.to(torch::kFloat64);
}

double largest_difference(const torch::Tensor& x, const torch::Tensor& y) {
  if (x.numel() == 0) return 0;
  return (x.to(torch::kFloat64) - y.to(torch::kFloat64)).abs().max().item<double>();
}

// The rounding error of an inner product of k terms below 1 in size, generously.
double tolerance(torch::ScalarType dtype, int64_t k) {
  const double epsilon = dtype == torch::kFloat32 ? std::numeric_limits<float>::epsilon()
                                                  : std::numeric_limits<double>::epsilon();
  return 4 * epsilon * static_cast<double>(k + 2);
}

TEST(Gemm, IsTheProductForAllTransposesShapesAndPaddings) {
  CounterRng rng(1);
  const std::vector<std::array<int64_t, 3>> shapes = {
      {1, 1, 1}, {1, 7, 5}, {7, 1, 5}, {5, 7, 1}, {16, 16, 16}, {33, 65, 17}, {70, 3, 129}};
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    for (const auto& [m, k, n] : shapes) {
      for (const int64_t pad : {0, 3}) {
        for (const bool ta : {false, true}) {
          for (const bool tb : {false, true}) {
            const auto a = uniform(rng, ta ? k : m, ta ? m : k, pad, dtype);
            const auto b = uniform(rng, tb ? n : k, tb ? k : n, 2 * pad, dtype);
            auto whole = torch::full({m, n + pad}, 7.5, dtype);
            auto out = whole.narrow(1, 0, n);
            gemm(a, ta, b, tb, out);
            EXPECT_LE(largest_difference(out, expected(a, ta, b, tb, out, 1, 0)),
                      tolerance(dtype, k))
                << m << " " << k << " " << n << " pad " << pad << " " << ta << tb;
            EXPECT_TRUE((whole.narrow(1, n, pad) == 7.5).all().item<bool>()) << "wrote past a row";
          }
        }
      }
    }
  }
}

TEST(Gemm, AlphaAndBetaScale) {
  CounterRng rng(2);
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    const auto a = uniform(rng, 9, 20, 1, dtype);
    const auto b = uniform(rng, 11, 20, 0, dtype);
    for (const double alpha : {1.0, -0.1, 0.0}) {
      for (const double beta : {0.0, 1.0, 0.7}) {
        auto out = uniform(rng, 9, 11, 4, dtype);
        const auto wanted = expected(a, false, b, true, out.clone(), alpha, beta);
        gemm(a, false, b, true, out, alpha, beta);
        // 0.1 and 0.7 as float32 are off by 1e-9 and 1e-8: enough to fail float64.
        EXPECT_LE(largest_difference(out, wanted), tolerance(dtype, 20)) << alpha << " " << beta;
      }
    }
  }
}

TEST(Gemm, BetaZeroForgetsWhatWasThere) {
  CounterRng rng(3);
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    const auto a = uniform(rng, 4, 6, 0, dtype);
    auto out = torch::full({4, 4}, nan_value, dtype);
    gemm(a, false, a, true, out);
    EXPECT_LE(largest_difference(out, expected(a, false, a, true, out, 1, 0)), tolerance(dtype, 6));
  }
}

TEST(Gemm, SizesOfZeroAreNoError) {
  for (const auto dtype : {torch::kFloat32, torch::kFloat64}) {
    // An empty sum is 0, so that what is left is beta * out.
    auto out = torch::full({2, 3}, 5.0, dtype);
    gemm(torch::empty({2, 0}, dtype), false, torch::empty({0, 3}, dtype), false, out, 1, 2);
    EXPECT_TRUE((out == 10).all().item<bool>());
    out = torch::full({2, 3}, nan_value, dtype);
    gemm(torch::empty({0, 2}, dtype), true, torch::empty({3, 0}, dtype), true, out);
    EXPECT_TRUE((out == 0).all().item<bool>());
    auto no_rows = torch::empty({0, 3}, dtype);
    gemm(torch::empty({0, 4}, dtype), false, torch::ones({4, 3}, dtype), false, no_rows);
    auto no_columns = torch::empty({2, 0}, dtype);
    gemm(torch::ones({2, 4}, dtype), false, torch::empty({0, 4}, dtype), true, no_columns);
  }
}

TEST(Gemm, OneColumnOfAWiderMatrixAndOneRowNeedNoUnitStride) {
  CounterRng rng(4);
  const auto wide = uniform(rng, 6, 5, 0, torch::kFloat32);
  const auto column = wide.narrow(1, 2, 1);  // strides (5, 1)
  const auto row = column.t();  // (1, 6), strides (1, 5): not a matrix with unit stride
  auto out = torch::empty({1, 1}, torch::kFloat32);
  gemm(column, true, column, false, out);
  EXPECT_NEAR(out.item<float>(), column.square().sum().item<float>(), 1e-5);
  EXPECT_THROW(gemm(row, false, column, false, out), Error);
  const auto picked = wide[3].unsqueeze(0);
  gemm(picked, false, picked, true, out);
  EXPECT_NEAR(out.item<float>(), wide[3].square().sum().item<float>(), 1e-5);
}

TEST(Gemm, ShapesThatDoNotFitAreRefused) {
  const auto a = torch::ones({2, 3});
  auto out = torch::zeros({2, 4});
  EXPECT_SAYS(message_of<Error>([&] {
                gemm(a, false, torch::ones({5, 4}), false, out);
              }),
              "op(a) is (2, 3), op(b) is (5, 4), out is (2, 4)");
  EXPECT_SAYS(message_of<Error>([&] {
                gemm(a, true, torch::ones({3, 4}), false, out);
              }),
              "op(a) is (3, 2), op(b) is (3, 4)");
  EXPECT_THROW(gemm(a, false, torch::ones({3, 4}), true, out), Error);
  auto wrong = torch::zeros({4, 2});
  EXPECT_SAYS(message_of<Error>([&] {
                gemm(a, false, torch::ones({3, 4}), false, wrong);
              }),
              "out is (4, 2)");
  EXPECT_TRUE((out == 0).all().item<bool>());
}

TEST(Gemm, WhatIsNoMatrixOfOneFloatDtypeIsRefusedByName) {
  const auto a = torch::ones({2, 2});
  auto out = torch::zeros({2, 2});
  const auto said = [&](const torch::Tensor& x, const torch::Tensor& y, torch::Tensor& z) {
    return message_of<Error>([&] { gemm(x, false, y, false, z); });
  };
  EXPECT_SAYS(said(torch::ones({2}), a, out), "a must be");
  EXPECT_SAYS(said(torch::Tensor(), a, out), "a must be");
  EXPECT_SAYS(said(a, torch::Tensor(), out), "b must be");
  EXPECT_SAYS(said(a, torch::ones({1, 2, 2}), out), "got (1, 2, 2)");
  EXPECT_SAYS(said(a, torch::ones({2, 2}, torch::kFloat64), out), "b must be");
  EXPECT_SAYS(said(torch::ones({2, 2}, torch::kInt64), a, out), "got (2, 2) of Long");
  EXPECT_SAYS(said(torch::ones({2, 2}, torch::kFloat16), a, out), "got (2, 2) of Half");
  auto doubles = torch::zeros({2, 2}, torch::kFloat64);
  EXPECT_SAYS(said(a, a, doubles), "out must be");
  // Columns apart, and rows that lie on each other: their numbers would be read past the end.
  EXPECT_SAYS(said(a, torch::ones({2, 4}).slice(1, 0, 4, 2), out), "strides (4, 2)");
  EXPECT_SAYS(said(torch::ones({1, 2}).expand({2, 2}), a, out), "strides (0, 1)");
}

TEST(Gemm, LibraryIsNamed) {
  const std::string name = gemm_library();
  EXPECT_TRUE(name.starts_with("oneDNN ") || name == "LibTorch") << name;
  EXPECT_EQ(gemm_library(), gemm_library());
}

}  // namespace
}  // namespace expunge
