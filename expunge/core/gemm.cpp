#include "expunge/core/gemm.h"

#include <ATen/ops/addmm.h>
#include <fmt/ranges.h>

#include "expunge/core/blas.h"
#include "expunge/core/error.h"

#if EXPUNGE_HAS_ONEDNN
#include <oneapi/dnnl/dnnl.h>
#endif

namespace expunge {
namespace {

void require_matrix(const torch::Tensor& x, const char* name, const torch::Tensor& first) {
  if (!x.defined()) fail("gemm: {} must be a matrix, got an undefined tensor", name);
  const auto dtype = first.scalar_type();
  const bool number = dtype == torch::kFloat32 || dtype == torch::kFloat64;
  if (x.dim() != 2 || !number || x.scalar_type() != dtype || x.device() != first.device()) {
    fail(
        "gemm: {} must be a matrix of float32 or float64, of one dtype and device with the others; "
        "got ({}) of {} on {}",
        name, fmt::join(x.sizes(), ", "), toString(x.scalar_type()), x.device().str());
  }
  // What there is at most one of has no stride that matters.
  const bool unit = x.size(1) <= 1 || x.stride(1) == 1;
  const bool apart = x.size(0) <= 1 || x.stride(0) >= x.size(1);
  if (!unit || !apart) {
    fail(
        "gemm: {} must have unit stride along its rows, which must not overlap; got ({}) with "
        "strides ({})",
        name, fmt::join(x.sizes(), ", "), fmt::join(x.strides(), ", "));
  }
}

}  // namespace

void gemm(const torch::Tensor& a, bool transpose_a, const torch::Tensor& b, bool transpose_b,
          torch::Tensor& out, double alpha, double beta) {
  require_matrix(a, "a", a);
  require_matrix(b, "b", a);
  require_matrix(out, "out", a);
  const int64_t m = transpose_a ? a.size(1) : a.size(0);
  const int64_t k = transpose_a ? a.size(0) : a.size(1);
  const int64_t n = transpose_b ? b.size(0) : b.size(1);
  const int64_t k_b = transpose_b ? b.size(1) : b.size(0);
  if (k != k_b || out.size(0) != m || out.size(1) != n) {
    fail("gemm: op(a) is ({}, {}), op(b) is ({}, {}), out is ({}, {})", m, k, k_b, n, out.size(0),
         out.size(1));
  }
  if (m == 0 || n == 0) return;
  if (k == 0) {  // an empty sum; oneDNN refuses the null pointers of empty matrices
    if (beta == 0) {
      out.zero_();  // also where it was NaN
    } else {
      out.mul_(beta);
    }
    return;
  }
  if (!a.is_cpu()) {
    at::addmm_out(out, out, transpose_a ? a.t() : a, transpose_b ? b.t() : b, beta, alpha);
    return;
  }
#if EXPUNGE_HAS_ONEDNN
  if (a.scalar_type() == torch::kFloat32) {
    const auto leading = [](const torch::Tensor& x) {
      return std::max<int64_t>(x.stride(0), std::max<int64_t>(x.size(1), 1));
    };
    const auto status =
        dnnl_sgemm(transpose_a ? 'T' : 'N', transpose_b ? 'T' : 'N', m, n, k,
                   static_cast<float>(alpha), a.data_ptr<float>(), leading(a), b.data_ptr<float>(),
                   leading(b), static_cast<float>(beta), out.data_ptr<float>(), leading(out));
    if (status != dnnl_success) fail("gemm: oneDNN returned status {}", static_cast<int>(status));
    return;
  }
#endif
  const BlasTurn turn;
  at::addmm_out(out, out, transpose_a ? a.t() : a, transpose_b ? b.t() : b, beta, alpha);
}

torch::Tensor product(const torch::Tensor& a, bool transpose_a, const torch::Tensor& b,
                      bool transpose_b) {
  auto out = at::empty({a.size(transpose_a ? 1 : 0), b.size(transpose_b ? 0 : 1)}, a.options());
  gemm(a, transpose_a, b, transpose_b, out);
  return out;
}

const char* gemm_library() {
#if EXPUNGE_HAS_ONEDNN
  static const std::string name = [] {
    const auto* v = dnnl_version();
    return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
  }();
  return name.c_str();
#else
  return "LibTorch";
#endif
}

}  // namespace expunge
