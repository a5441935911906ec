#include "expunge/evaluate/klom.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "evaluate/gaussian_margins.h"
#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

/// KLoM of one point straight from the definition: edges in float32 as numpy.linspace rounds them,
/// each margin put in the last bin whose lower edge it reaches.
double reference(std::vector<float> u, std::vector<float> o, const KlomOptions& options) {
  const auto clip = static_cast<float>(options.clip);
  float low = std::numeric_limits<float>::infinity();
  float high = -low;
  for (auto* side : {&u, &o}) {
    for (float& x : *side) {
      x = std::max(-clip, std::min(clip, x));
      low = std::min(low, x);
      high = std::max(high, x);
    }
  }
  if (high == low) high = low + 1;
  volatile float step = (high - low) / static_cast<float>(options.bins);
  std::vector<float> edges;
  for (int64_t k = 0; k < options.bins; ++k) {
    volatile float offset = static_cast<float>(k) * step;  // volatile: rounded before it is added
    edges.push_back(offset + low);
  }
  edges.push_back(high);
  const auto histogram = [&](const std::vector<float>& side) {
    std::vector<double> counts(options.bins, 0);
    double total = 0;
    for (const float x : side) {
      if (options.convention == KlomConvention::easydub && x == high) continue;
      int64_t bin = 0;
      for (int64_t k = 0; k < options.bins; ++k) {
        if (x >= edges[k]) bin = k;
      }
      counts[bin] += 1;
      total += 1;
    }
    if (total > 0) {
      for (double& count : counts) count /= total;
    }
    return counts;
  };
  const std::vector<double> p = histogram(u);
  const std::vector<double> q = histogram(o);
  double sum = 0;
  for (int64_t k = 0; k < options.bins; ++k) {
    if (p[k] > 0) sum += p[k] * std::log(p[k] / std::max(q[k], options.floor_probability));
  }
  return sum;
}

torch::Tensor random_margins(int64_t models, int64_t m, float mean, float deviation,
                             unsigned seed) {
  std::mt19937 engine(seed);
  std::normal_distribution<float> normal(mean, deviation);
  return table(models, m, [&](int64_t, int64_t) { return normal(engine); });
}

std::vector<float> column_of(const torch::Tensor& margins, int64_t j) {
  const torch::Tensor values = margins.select(1, j).contiguous();
  return {values.data_ptr<float>(), values.data_ptr<float>() + values.numel()};
}

void expect_definition(const torch::Tensor& u, const torch::Tensor& o, KlomOptions options = {}) {
  for (const auto convention : {KlomConvention::corrected, KlomConvention::easydub}) {
    options.convention = convention;
    const torch::Tensor got = klom(u, o, options);
    ASSERT_EQ(got.sizes(), torch::IntArrayRef({u.size(1)}));
    ASSERT_EQ(got.scalar_type(), torch::kFloat64);
    for (int64_t j = 0; j < u.size(1); ++j) {
      EXPECT_NEAR(got[j].item<double>(), reference(column_of(u, j), column_of(o, j), options),
                  1e-12)
          << "point " << j << ", convention " << static_cast<int>(convention);
    }
  }
}

double klom_of(const torch::Tensor& u, const torch::Tensor& o, KlomConvention convention) {
  KlomOptions options;
  options.convention = convention;
  return klom(u, o, options)[0].item<double>();
}

constexpr KlomConvention kCorrected = KlomConvention::corrected;
constexpr KlomConvention kEasydub = KlomConvention::easydub;

TEST(Klom, AgreesWithTheDefinitionOnRandomMargins) {
  expect_definition(random_margins(100, 300, 0, 1, 1), random_margins(100, 300, 0.5, 1.5, 2));
  expect_definition(random_margins(7, 130, 3, 2, 3), random_margins(33, 130, -3, 2, 4));
  expect_definition(random_margins(2, 65, 0, 90, 5), random_margins(2, 65, 0, 90, 6));
}

TEST(Klom, AgreesWithTheDefinitionOnTies) {
  // Whole numbers: every margin is at an edge or tied with others.
  for (const int range : {2, 5, 20, 21, 41}) {
    std::mt19937 engine(range);
    const auto draw = [&](int64_t, int64_t) { return static_cast<float>(engine() % range); };
    expect_definition(table(50, 64, draw), table(40, 64, draw));
  }
}

TEST(Klom, AgreesWithTheDefinitionWhenEveryMarginIsAnEdgeOrBesideOne) {
  // 0.1 steps are not representable: which bin an edge's neighbour falls in is decided by rounding.
  std::mt19937 engine(7);
  const auto draw = [&](int64_t i, int64_t j) {
    const float low = -1.3F + 0.01F * static_cast<float>(j);
    const float high = low + 7.1F;
    const float step = (high - low) / 20;
    volatile float offset = static_cast<float>(engine() % 21) * step;
    const float edge = i == 0 ? low : i == 1 ? high : std::min(high, std::max(low, offset + low));
    const unsigned side = i < 2 ? 0 : engine() % 3;
    const float beside = side == 1   ? std::nextafter(edge, low)
                         : side == 2 ? std::nextafter(edge, high)
                                     : edge;
    return beside;
  };
  expect_definition(table(100, 300, draw), table(100, 300, draw));
}

TEST(Klom, AgreesWithTheDefinitionOnTinyAndHugeRanges) {
  for (const float start : {1e-20F, -1e-20F, 1.0F, -99.99F, 100.0F, -100.0F}) {
    for (const int ulps : {1, 2, 7, 30}) {
      std::mt19937 engine(ulps);
      const auto draw = [&](int64_t, int64_t) {
        float x = start;
        for (unsigned k = engine() % (ulps + 1); k > 0; --k) x = std::nextafter(x, 1e30F);
        return x;
      };
      expect_definition(table(20, 5, draw), table(20, 5, draw));
    }
  }
  expect_definition(random_margins(30, 70, 0, 1e30F, 8), random_margins(30, 70, 0, 1e30F, 9));
}

TEST(Klom, SubnormalRangesKeepTheirBins) {
  // Multiples of the smallest number: {0, 0, c, maximum, maximum} against {0, c, c, maximum}.
  const auto column_of = [](const std::vector<int>& multiples) {
    return table(std::ssize(multiples), 1, [&](int64_t i, int64_t) {
      return static_cast<float>(multiples[i]) * std::numeric_limits<float>::denorm_min();
    });
  };
  const double corrected =
      2.0 / 5 * std::log(8.0 / 5) + 1.0 / 5 * std::log(2.0 / 5) + 2.0 / 5 * std::log(8.0 / 5);
  // A step of 1.5 is rounded to 2, which takes edges 16 to 19 past the maximum.
  const torch::Tensor u = column_of({0, 0, 10, 30, 30});
  const torch::Tensor o = column_of({0, 10, 10, 30});
  EXPECT_NEAR(klom_of(u, o, kEasydub), std::log(2.0) / 3, 1e-15);
  EXPECT_NEAR(klom_of(u, o, kCorrected), corrected, 1e-15);
  // A step of 0.45 is rounded to 0.
  EXPECT_NEAR(klom_of(column_of({0, 0, 4, 9, 9}), column_of({0, 4, 4, 9}), kCorrected), corrected,
              1e-15);
}

TEST(Klom, AgreesWithTheDefinitionForOtherOptions) {
  const torch::Tensor u = random_margins(60, 100, 0, 2, 11);
  const torch::Tensor o = random_margins(60, 100, 1, 2, 12);
  KlomOptions options;
  options.bins = 7;
  options.clip = 1.5;  // many margins at both ends
  options.floor_probability = 0.05;
  expect_definition(u, o, options);
  options.bins = 1;
  expect_definition(u, o, options);
}

TEST(Klom, ClipsMarginsToOneHundred) {
  const torch::Tensor u = torch::tensor({{-250.0F}, {-100.0F}, {150.0F}, {99.0F}});
  const torch::Tensor o = torch::tensor({{-101.0F}, {-3e38F}, {100.0F}, {98.0F}});
  EXPECT_EQ(klom_of(u, o, kCorrected), 0);
}

TEST(Klom, OfASampleAgainstItselfIsExactlyZero) {
  const torch::Tensor u = random_margins(83, 200, 0, 3, 13);
  EXPECT_TRUE((klom(u, u) == 0).all().item<bool>());
  EXPECT_TRUE((klom(torch::full({5, 9}, 3.5F), torch::full({3, 9}, 3.5F)) == 0).all().item<bool>());
}

TEST(Klom, OfSidesThatAreFarApartIsLargeUnlessTheMaximumIsDropped) {
  const torch::Tensor high = torch::full({100, 1}, 10.0F);
  const torch::Tensor low = torch::full({100, 1}, -10.0F);
  EXPECT_DOUBLE_EQ(klom_of(high, low, kCorrected), std::log(1e5));
  EXPECT_EQ(klom_of(high, low, kEasydub), 0);
  // The other way about the oracles are dropped: everything is compared with the floor.
  EXPECT_DOUBLE_EQ(klom_of(low, high, kCorrected), std::log(1e5));
  EXPECT_DOUBLE_EQ(klom_of(low, high, kEasydub), std::log(1e5));
}

TEST(Klom, EasydubDropsTheMaximumBeforeDividing) {
  // Of {0, 0, 1} and {0, 1, 1}: 1 is dropped from both, {0, 0} against {0} is perfect agreement.
  const torch::Tensor u = torch::tensor({{0.0F}, {0.0F}, {1.0F}});
  const torch::Tensor o = torch::tensor({{0.0F}, {1.0F}, {1.0F}});
  EXPECT_EQ(klom_of(u, o, kEasydub), 0);
  EXPECT_NEAR(klom_of(u, o, kCorrected), 2.0 / 3 * std::log(2.0) - 1.0 / 3 * std::log(2.0), 1e-15);
}

TEST(Klom, IsNotSymmetric) {
  const torch::Tensor u = random_margins(100, 50, 0, 1, 14);
  const torch::Tensor o = random_margins(100, 50, 0, 3, 15);
  EXPECT_TRUE((klom(u, o) < klom(o, u)).all().item<bool>());
}

TEST(Klom, DoesNotDependOnTheOrderOfModels) {
  const torch::Tensor u = random_margins(90, 100, 0, 1, 16);
  const torch::Tensor o = random_margins(80, 100, 0, 2, 17);
  EXPECT_TRUE(torch::equal(klom(u, o), klom(u.flip(0), o.roll(31, 0))));
}

// Powers of two scale margins, ranges and edges without rounding.
TEST(Klom, DoesNotDependOnUnitsAndFollowsAPermutationOfThePoints) {
  const torch::Tensor u = random_margins(90, 100, 0, 1, 23);
  const torch::Tensor o = random_margins(80, 100, 1, 2, 24);
  for (const double factor : {0.25, 8.0}) {
    KlomOptions options;
    options.clip = 100 * factor;
    EXPECT_TRUE(torch::equal(klom(u, o), klom(u * factor, o * factor, options)));
  }
  const torch::Tensor order = torch::arange(100).roll(37).flip(0);
  EXPECT_TRUE(torch::equal(klom(u, o).index_select(0, order),
                           klom(u.index_select(1, order), o.index_select(1, order))));
}

TEST(Klom, DoesNotDependOnWorkersStridesOrNeighbours) {
  const torch::Tensor u = random_margins(31, 5001, 0, 1, 18);
  const torch::Tensor o = random_margins(29, 5001, 0, 2, 19);
  KlomOptions options;
  options.workers = 1;
  const torch::Tensor one = klom(u, o, options);
  for (const int64_t workers : {2, 5}) {
    options.workers = workers;
    EXPECT_TRUE(torch::equal(one, klom(u, o, options)));
  }
  EXPECT_TRUE(torch::equal(one, klom(u.t().contiguous().t(), o.t().contiguous().t())));
  for (const int64_t begin : {1, 63, 4999}) {
    EXPECT_TRUE(torch::equal(one.slice(0, begin, begin + 2),
                             klom(u.slice(1, begin, begin + 2), o.slice(1, begin, begin + 2))));
  }
  EXPECT_EQ(klom(u.slice(1, 0, 0), o.slice(1, 0, 0)).numel(), 0);
}

TEST(Klom, NamesSideModelAndPointOfANonFiniteMargin) {
  for (const float bad : {std::nanf(""), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    torch::Tensor u = random_margins(4, 3000, 0, 1, 20);
    torch::Tensor o = random_margins(5, 3000, 0, 1, 21);
    o[4][2999] = bad;
    EXPECT_NE(message_of<NonFiniteError>([&] {
                klom(u, o);
              }).find("oracle margins: model 4, point 2999 is"),
              std::string::npos);
    u[1][2998] = bad;
    EXPECT_NE(message_of<NonFiniteError>([&] {
                klom(u, o);
              }).find("unlearned margins: model 1, point 2998 is"),
              std::string::npos);
  }
}

TEST(Klom, RefusesTooFewModelsAndWrongShapes) {
  const torch::Tensor good = random_margins(3, 10, 0, 1, 22);
  EXPECT_EQ(message_of<InputError>([&] { klom(good.slice(0, 0, 1), good); }),
            "unlearned margins: KLoM needs at least 2 models a side, got 1");
  EXPECT_EQ(message_of<InputError>([&] { klom(good, good.slice(0, 0, 1)); }),
            "oracle margins: KLoM needs at least 2 models a side, got 1");
  EXPECT_EQ(message_of<InputError>([&] { klom(good, good.slice(1, 0, 9)); }),
            "margins of different points: unlearned [3, 10], oracles [3, 9]");
  EXPECT_THROW(klom(good[0], good), InputError);
  EXPECT_THROW(klom(good, good.to(torch::kFloat64)), InputError);
}

TEST(Klom, RefusesOptionsOutOfRange) {
  const torch::Tensor good = random_margins(3, 10, 0, 1, 23);
  const auto refused = [&](const std::function<void(KlomOptions&)>& change) {
    KlomOptions options;
    change(options);
    EXPECT_THROW(klom(good, good, options), OptionError);
  };
  refused([](KlomOptions& o) { o.bins = 0; });
  refused([](KlomOptions& o) { o.bins = 1001; });
  refused([](KlomOptions& o) { o.clip = 0; });
  refused([](KlomOptions& o) { o.clip = std::nan(""); });
  refused([](KlomOptions& o) { o.floor_probability = 0; });
  refused([](KlomOptions& o) { o.floor_probability = 1.5; });
  refused([](KlomOptions& o) { o.workers = -1; });
}

TEST(Klom, IsStableFromEightyModelsASide) {
  EXPECT_TRUE(klom_is_stable(80, 80));
  EXPECT_FALSE(klom_is_stable(79, 100));
  EXPECT_FALSE(klom_is_stable(100, 79));
}

TEST(Klom, OptionsCarryTheNamesOfTheConventions) {
  KlomOptions options;
  options_of(options).set("convention", std::string("easydub"));
  EXPECT_EQ(options.convention, kEasydub);
}

}  // namespace
}  // namespace expunge
