#include "expunge/core/options.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

enum class Engine { kernel, gradient };

struct SampleOptions {
  int64_t steps = 2;
  double damp = 0.01;
  bool warm = false;
  Engine engine = Engine::kernel;
  std::optional<double> lambda;
  std::vector<double> ratios = {0.5, 1};
  std::string scheme = "balanced";
};

OptionGroup options_of(SampleOptions& o) {
  OptionGroup group("sample", "A sample");
  group.add("steps", o.steps, "steps", "count")
      .add("damp", o.damp, "damping")
      .add("warm", o.warm, "warm start")
      .add("engine", o.engine, {{"kernel", Engine::kernel}, {"gradient", Engine::gradient}},
           "engine")
      .add("lambda", o.lambda, "penalty")
      .add("ratios", o.ratios, "grid")
      .add("scheme", o.scheme, {"balanced", "independent"}, "masks");
  return group;
}

TEST(Options, SetReachesTheField) {
  SampleOptions o;
  auto group = options_of(o);
  group.set("steps", int64_t{7});
  group.set("damp", int64_t{1});  // a whole number where a number is wanted
  group.set("engine", std::string("gradient"));
  group.set("ratios", std::vector<int64_t>{3, 4});
  group.set("lambda", 2.5);
  EXPECT_EQ(o.steps, 7);
  EXPECT_EQ(o.damp, 1.0);
  EXPECT_EQ(o.engine, Engine::gradient);
  EXPECT_EQ(o.ratios, (std::vector<double>{3, 4}));
  EXPECT_EQ(o.lambda, 2.5);
  group.set("lambda", std::string("auto"));
  EXPECT_FALSE(o.lambda.has_value());
}

TEST(Options, CommandLineTextIsRead) {
  SampleOptions o;
  const auto group = options_of(o);
  for (const auto& field : group.fields()) {
    if (field.name == "ratios") field.parse("0.1, 2,3e1");
    if (field.name == "warm") field.parse("true");
    if (field.name == "lambda") field.parse("192");
  }
  EXPECT_EQ(o.ratios, (std::vector<double>{0.1, 2, 30}));
  EXPECT_TRUE(o.warm);
  EXPECT_EQ(o.lambda, 192);
}

TEST(Options, UnknownNameIsAnsweredWithTheNearest) {
  SampleOptions o;
  auto group = options_of(o);
  EXPECT_EQ(message_of<OptionError>([&] { group.set("step", int64_t{1}); }),
            "unknown option \"step\" in [sample]; did you mean \"steps\"?");
}

TEST(Options, WrongTypeAndWrongChoiceSayWhatIsRequired) {
  SampleOptions o;
  auto group = options_of(o);
  EXPECT_EQ(message_of<OptionError>([&] { group.set("steps", 1.5); }),
            "option steps: whole number required, got 1.5");
  EXPECT_EQ(
      message_of<OptionError>([&] { group.set("engine", std::string("kernal")); }),
      "option engine: one of kernel, gradient required, got \"kernal\"; did you mean \"kernel\"?");
  EXPECT_EQ(message_of<OptionError>([&] { group.set("scheme", std::string("balance")); }),
            "option scheme: one of balanced, independent required, got \"balance\"; did you mean "
            "\"balanced\"?");
  EXPECT_EQ(message_of<OptionError>([&] { group.fields()[0].parse("12x"); }),
            "option steps: whole number required, got \"12x\"");
  EXPECT_EQ(o.steps, 2);
}

TEST(Options, ValuesAreWrittenAsToml) {
  SampleOptions o;
  const auto group = options_of(o);
  std::string all;
  for (const auto& field : group.fields()) all += field.name + " = " + to_toml(field.get()) + "\n";
  EXPECT_EQ(all,
            "steps = 2\ndamp = 0.01\nwarm = false\nengine = \"kernel\"\nlambda = \"auto\"\nratios "
            "= [0.5, 1.0]\n"
            "scheme = \"balanced\"\n");
}

TEST(NearestName, CountsEdits) {
  EXPECT_EQ(nearest_name("aplha", {"beta", "alpha", "gamma"}), "alpha");
  EXPECT_EQ(nearest_name("x", {}), "");
}

}  // namespace
}  // namespace expunge
