#include "expunge/convex/certified.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "expunge/convex/logistic.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/safetensors.h"
#include "message_of.h"
#include "reference.h"

namespace expunge {
namespace {

Table classes_table(int64_t n, int64_t d, int64_t classes, uint64_t seed) {
  auto x = random_matrix(n, d, seed);
  const auto scores =
      x.matmul(random_matrix(d, classes, seed + 1)) + random_matrix(n, classes, seed + 2);
  std::vector<std::string> names;
  for (int64_t c = 0; c < classes; ++c) names.push_back(fmt::format("{}", c));
  return labelled_table(x, scores.argmax(1), names);
}

// Rows as the model sees them.
torch::Tensor seen_rows(const Table& table) {
  auto x = torch::cat({table.x, torch::ones({table.size(), 1}, torch::kFloat64)}, 1);
  return x / x.norm(2, 1, true).clamp_min(1);
}

// grad J_T at theta, one class against the others, by its definition.
torch::Tensor gradient_by_definition(const Table& table, const torch::Tensor& kept,
                                     const torch::Tensor& theta, double lambda) {
  const auto x = seen_rows(table);
  auto gradient = lambda * theta;
  for (int64_t i = 0; i < table.size(); ++i) {
    if (!kept[i].item<bool>()) continue;
    for (int64_t c = 0; c < theta.size(1); ++c) {
      const int64_t label = theta.size(1) == 1 ? 1 : c;
      const double target = table.labels[i].item<int64_t>() == label ? 1 : 0;
      const double logit = x[i].dot(theta.select(1, c)).item<double>();
      gradient.select(1, c).add_(x[i] * (1 / (1 + std::exp(-logit)) - target));
    }
  }
  return gradient;
}

struct ScratchFile {
  std::filesystem::path path = std::filesystem::temp_directory_path() /
                               fmt::format("expunge-certified-{}.safetensors", getpid());
  ~ScratchFile() { std::filesystem::remove(path); }
};

class CertifiedColumns : public testing::TestWithParam<int64_t> {};

TEST_P(CertifiedColumns, ResidualOfEveryRemovalStaysUnderItsBounds) {
  const auto table = classes_table(200, 4, GetParam(), 3);
  CertifiedOptions options;
  options.lambda = 2;
  options.sigma = 50;  // room for all
  auto model = CertifiedModel::train(table, options, 11);
  auto kept = torch::ones({200}, torch::kBool);
  // b is what the minimiser of the noisy objective leaves of the plain gradient.
  const auto b = -gradient_by_definition(table, kept, model.theta(), 2);
  EXPECT_GT(b.norm().item<double>(), 1);
  double sum = model.spent();
  for (const std::vector<int64_t>& forget :
       {std::vector<int64_t>{5}, std::vector<int64_t>{7, 8, 9, 100}, std::vector<int64_t>{150}}) {
    const auto before = gradient_by_definition(table, kept, model.theta(), 2) + b;
    const auto step = model.remove(table, forget);
    for (const int64_t i : forget) kept[i] = false;
    const auto after = gradient_by_definition(table, kept, model.theta(), 2) + b;
    const double residual = (after - before).norm().item<double>();
    EXPECT_NEAR(step.measured, residual, 1e-10);
    EXPECT_GT(residual, 1e-9);
    EXPECT_LE(residual, step.data_dependent);
    EXPECT_LE(2 * step.data_dependent, step.corollary_1 * (1 + 1e-9));
    EXPECT_LE(step.data_dependent, step.worst_case);
    sum += step.data_dependent;
    EXPECT_NEAR(model.spent(), sum, 1e-12);
    EXPECT_LE(after.norm().item<double>(), model.spent());
  }
  EXPECT_EQ(model.removals(), 3);
  EXPECT_EQ(model.removed().sum().item<int64_t>(), 6);
}

TEST_P(CertifiedColumns, DescentKeepsItsDistance) {
  const auto table = classes_table(120, 3, GetParam(), 13);
  for (const auto bound : {ResidualBound::worst_case, ResidualBound::data_dependent}) {
    CertifiedOptions options;
    options.method = CertifiedMethod::descent;
    options.lambda = 3;
    options.sigma = 0.01;
    options.bound = bound;
    auto model = CertifiedModel::train(table, options, 17);
    for (const int64_t i : {4, 60, 61}) {
      const std::vector<int64_t> forget = {i};
      const auto step = model.remove(table, forget);
      EXPECT_GE(step.steps, 1);
      EXPECT_LE(step.spent, model.budget());
      // The exact optimum on what is left, column by column.
      const auto left = model.removed().logical_not().to(torch::kFloat64);
      auto exact = torch::zeros_like(model.theta());
      for (int64_t c = 0; c < exact.size(1); ++c) {
        LogisticOptions logistic;
        logistic.lambda = 3;
        logistic.intercept_penalised = true;
        const int64_t label = exact.size(1) == 1 ? 1 : c;
        exact.select(1, c).copy_(
            minimise(LogisticObjective(seen_rows(table), table.labels.eq(label).to(torch::kInt64),
                                       2, left, logistic))
                .theta.squeeze(1));
      }
      const double distance = (model.theta() - exact).norm().item<double>();
      EXPECT_LE(distance, step.worst_case * (1 + 1e-9) + 1e-12);
      EXPECT_LE(distance, step.data_dependent * (1 + 1e-9) + 1e-12);
    }
    // Published with fresh noise of the size that was asked for.
    const auto published = model.published();
    const auto noise =
        torch::cat({published.weights, published.intercept.unsqueeze(0)}) - model.theta();
    EXPECT_GT(noise.abs().max().item<double>(), 1e-4);
    EXPECT_LT(noise.abs().max().item<double>(), 0.06);
  }
}

INSTANTIATE_TEST_SUITE_P(Columns, CertifiedColumns, testing::Values(2, 3));

TEST(Certified, RefusesOnceTheBudgetIsSpentAndStaysAsItWas) {
  const auto table = classes_table(150, 3, 2, 23);
  CertifiedOptions options;
  options.lambda = 1;
  options.sigma = 0.05;
  auto model = CertifiedModel::train(table, options, 1);
  int64_t done = 0;
  std::string refusal;
  while (refusal.empty() && done < 150) {
    const std::vector<int64_t> forget = {done};
    const auto theta = model.theta().clone();
    const double spent = model.spent();
    try {
      model.remove(table, forget);
      ++done;
    } catch (const BudgetError& error) {
      refusal = error.what();
      EXPECT_TRUE(model.theta().equal(theta));
      EXPECT_EQ(model.spent(), spent);
      EXPECT_EQ(model.removed().sum().item<int64_t>(), done);
    }
    EXPECT_LE(model.spent(), model.budget());
  }
  EXPECT_GE(done, 1);
  EXPECT_LT(done, 149);
  EXPECT_NE(refusal.find("train again"), std::string::npos);
  // In the worst case the same budget covers fewer.
  options.bound = ResidualBound::worst_case;
  auto careful = CertifiedModel::train(table, options, 1);
  EXPECT_THROW(careful.remove(table, std::vector<int64_t>{0}), BudgetError);
}

TEST(Certified, DescentRefusesWhenStepsDoNotSuffice) {
  const auto table = classes_table(100, 3, 2, 33);
  CertifiedOptions options;
  options.method = CertifiedMethod::descent;
  options.lambda = 1;
  options.sigma = 1e-4;
  options.most_steps = 2;
  options.bound = ResidualBound::worst_case;
  auto model = CertifiedModel::train(table, options, 1);
  EXPECT_THROW(model.remove(table, std::vector<int64_t>{1, 2, 3}), BudgetError);
  EXPECT_EQ(model.removals(), 0);
}

TEST(Certified, TheAccountSurvivesInItsFile) {
  const ScratchFile file;
  const auto table = classes_table(100, 3, 3, 43);
  CertifiedOptions options;
  options.lambda = 4;
  options.sigma = 2;
  options.epsilon = 0.5;
  options.accounting = Accounting::classic;
  auto model = CertifiedModel::train(table, options, 77);
  model.remove(table, std::vector<int64_t>{1, 2});
  model.save(file.path);
  auto loaded = CertifiedModel::load(file.path);
  EXPECT_TRUE(loaded.theta().equal(model.theta()));
  EXPECT_TRUE(loaded.removed().equal(model.removed()));
  EXPECT_EQ(loaded.spent(), model.spent());
  EXPECT_EQ(loaded.budget(), model.budget());
  EXPECT_EQ(loaded.removals(), 1);
  EXPECT_EQ(loaded.options().accounting, Accounting::classic);
  // And it goes on as the other would have.
  model.remove(table, std::vector<int64_t>{50});
  loaded.remove(table, std::vector<int64_t>{50});
  EXPECT_TRUE(loaded.theta().equal(model.theta()));
  EXPECT_EQ(loaded.spent(), model.spent());
  EXPECT_THROW(loaded.remove(table, std::vector<int64_t>{50}), InputError);
  EXPECT_THROW(loaded.remove(classes_table(100, 3, 3, 44), std::vector<int64_t>{3}), InputError);
}

TEST(Certified, DamagedFilesAreRefused) {
  const ScratchFile file;
  const auto table = classes_table(60, 3, 2, 53);
  CertifiedOptions options;
  options.lambda = 4;
  const auto model = CertifiedModel::train(table, options, 5);
  model.save(file.path);
  const std::string good = read_file(file.path);
  const auto put = [&](const std::string& bytes) {
    std::ofstream(file.path, std::ios::binary) << bytes;
  };
  for (size_t at = 0; at < good.size(); ++at) {  // every byte, one after the other
    auto bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 0x08);
    put(bad);
    EXPECT_THROW(CertifiedModel::load(file.path), InputError) << at;
  }
  for (const size_t size : {size_t{0}, size_t{7}, good.size() / 2, good.size() - 1}) {
    put(good.substr(0, size));
    EXPECT_THROW(CertifiedModel::load(file.path), InputError) << size;
  }
  // An account that was lowered by hand.
  put(good);
  auto parts = read_safetensors(file.path);
  parts.metadata["spent"] = "0";
  write_safetensors(file.path, parts.tensors, parts.metadata);
  EXPECT_NE(message_of<InputError>([&] { CertifiedModel::load(file.path); }).find("checksum"),
            std::string::npos);
}

TEST(Certified, RefusesTablesWithoutClassesOrWithWeights) {
  auto table = classes_table(30, 2, 2, 63);
  table.weights = torch::ones({30}, torch::kFloat64);
  EXPECT_THROW(CertifiedModel::train(table, {}, 1), InputError);
  EXPECT_THROW(CertifiedModel::train(random_table(30, 2, 1, 1), {}, 1), InputError);
}

}  // namespace
}  // namespace expunge
