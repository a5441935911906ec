#include "expunge/gradients/logit_jacobian.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>

#include <vector>

#include "expunge/core/error.h"
#include "expunge/core/gemm.h"
#include "expunge/gradients/layer_jacobian.h"
#include "expunge/gradients/layer_rows.h"

namespace expunge {

class LogitJacobian::Rows {
 public:
  virtual ~Rows() = default;
  virtual torch::Tensor forward(const torch::Tensor& inputs) = 0;
  virtual void add(const torch::Tensor& directions) = 0;
  virtual torch::Tensor gram() const = 0;
  virtual torch::Tensor transposed_times(const torch::Tensor& coefficients) const = 0;
};

namespace {

void require_coefficients(const torch::Tensor& c, int64_t rows) {
  if (c.dim() != 1 || c.size(0) != rows) {
    fail("logit Jacobian: coefficients ({}) required, got {}", rows, c10::str(c.sizes()));
  }
}

class LayeredRows final : public LogitJacobian::Rows {
 public:
  LayeredRows(LayeredNetwork& network, const KroneckerCurvature* curvature)
      : network_(network), collector_(network), curvature_(curvature) {}

  torch::Tensor forward(const torch::Tensor& inputs) override { return collector_.forward(inputs); }

  void add(const torch::Tensor& directions) override {
    by_layer_.clear();
    collector_.add(directions);
  }

  torch::Tensor gram() const override {
    const int64_t rows = collector_.samples_of_rows().size(0);
    auto gram = at::zeros({rows, rows}, collector_.layers().front().gradients.options());
    for (const auto& layer : by_layer()) layer->add_gram(gram);
    return gram;
  }

  torch::Tensor transposed_times(const torch::Tensor& coefficients) const override {
    require_coefficients(coefficients, collector_.samples_of_rows().size(0));
    for (const auto& layer : by_layer()) layer->write_transposed_times(coefficients);
    return network_.gradient();
  }

 private:
  const std::vector<std::unique_ptr<LayerJacobian>>& by_layer() const {
    for (size_t l = by_layer_.size(); l < collector_.layers().size(); ++l) {
      by_layer_.push_back(layer_jacobian(collector_.layers()[l], collector_.samples_of_rows(),
                                         curvature_ ? curvature_->of_layer(l) : nullptr));
    }
    return by_layer_;
  }

  LayeredNetwork& network_;
  RowCollector collector_;
  const KroneckerCurvature* curvature_;
  mutable std::vector<std::unique_ptr<LayerJacobian>> by_layer_;  // of the rows that there are
};

class WholeRows final : public LogitJacobian::Rows {
 public:
  explicit WholeRows(Network& network) : network_(network) {}

  torch::Tensor forward(const torch::Tensor& inputs) override {
    inputs_ = inputs;
    return network_.forward(inputs, Mode::eval).clone();
  }

  void add(const torch::Tensor& directions) override {
    auto rows = at::empty({directions.size(0) * directions.size(1), network_.parameters().numel()},
                          network_.parameters().options());
    for (int64_t i = 0; i < directions.size(0); ++i) {
      network_.forward(inputs_.narrow(0, i, 1), Mode::eval);
      for (int64_t k = 0; k < directions.size(1); ++k) {
        network_.backward(directions[i].narrow(0, k, 1).contiguous());
        rows[i * directions.size(1) + k].copy_(network_.gradient());
      }
    }
    jacobian_ = jacobian_.defined() ? at::cat({jacobian_, rows}) : rows;
  }

  torch::Tensor gram() const override {
    auto gram = at::empty({jacobian_.size(0), jacobian_.size(0)}, jacobian_.options());
    gemm(jacobian_, false, jacobian_, true, gram);
    return gram;
  }

  torch::Tensor transposed_times(const torch::Tensor& coefficients) const override {
    require_coefficients(coefficients, jacobian_.size(0));
    return jacobian_.t().mv(coefficients);
  }

 private:
  Network& network_;
  torch::Tensor inputs_;
  torch::Tensor jacobian_;
};

}  // namespace

LogitJacobian::LogitJacobian(Network& network, const KroneckerCurvature* curvature) {
  if (auto* layered = dynamic_cast<LayeredNetwork*>(&network)) {
    rows_ = std::make_unique<LayeredRows>(*layered, curvature);
  } else {
    rows_ = std::make_unique<WholeRows>(network);
  }
}

LogitJacobian::LogitJacobian(LogitJacobian&&) noexcept = default;
LogitJacobian::~LogitJacobian() = default;

torch::Tensor LogitJacobian::forward(const torch::Tensor& inputs) {
  return rows_->forward(inputs);
}
void LogitJacobian::add(const torch::Tensor& directions) {
  rows_->add(directions);
}
torch::Tensor LogitJacobian::gram() const {
  return rows_->gram();
}
torch::Tensor LogitJacobian::transposed_times(const torch::Tensor& coefficients) const {
  return rows_->transposed_times(coefficients);
}

torch::Tensor all_logits(int64_t samples, int64_t classes, const torch::TensorOptions& options) {
  return at::eye(classes, options).expand({samples, classes, classes});
}

}  // namespace expunge
