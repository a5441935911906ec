// Configuration files: every key there and back, and what is refused.
#include "expunge/pipeline/run_config.h"

#include <gtest/gtest.h>

#include <sstream>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/error.h"

namespace expunge {
namespace {

const std::string forget_set = "[[forget_set]]\nname = \"a\"\nfile = \"a.txt\"\n";

class RunConfigFile : public testing::Test {
 protected:
  RunConfig read(const std::string& text) {
    put_file(path_, text);
    return read_run_config(path_);
  }
  // Of a file that has a forget set besides.
  template <class E = OptionError>
  std::string refusal(const std::string& text) {
    return message_of<E>([&] { read(text + "\n" + forget_set); });
  }
  // What follows the file and the line.
  std::string refusal_at(int line, const std::string& text) {
    const auto message = refusal(text);
    const auto where = fmt::format("{}:{}: ", path_.string(), line);
    EXPECT_EQ(message.rfind(where, 0), 0U) << message;
    return message.substr(std::min(message.size(), where.size()));
  }
  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "run.toml";
};

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// Another value of the field's type. Names of choices stand in the type: "a | b".
OptionValue another_value(const OptionField& field) {
  static const std::map<std::string, OptionValue> special = {{"alpha", 0.75},
                                                             {"resamples", int64_t{20}},
                                                             {"convention", std::string("easydub")},
                                                             {"device", std::string("cuda:1")}};
  if (const auto found = special.find(field.name); found != special.end()) return found->second;
  const auto value = field.get();
  if (const auto* v = std::get_if<bool>(&value)) return !*v;
  if (const auto* v = std::get_if<int64_t>(&value)) return *v + 1;
  if (const auto* v = std::get_if<double>(&value)) return *v / 2 + 0.01;
  if (std::holds_alternative<std::vector<int64_t>>(value)) return std::vector<int64_t>{7, 5};
  const auto text = std::get<std::string>(value);
  if (field.type.find("number or") == 0) return 0.5;
  if (const auto bar = field.type.find(" | "); bar != std::string::npos) {
    const auto first = field.type.substr(0, bar);
    const auto second = field.type.substr(bar + 3, field.type.find(" | ", bar + 3) - bar - 3);
    return text == first ? second : first;
  }
  return std::string("else/where");
}

TEST_F(RunConfigFile, EveryKeyComesBack) {
  const auto original = read(forget_set);
  const auto before = lines_of(to_toml(original, false));
  RunConfig probe = original;
  std::vector<std::pair<size_t, size_t>> fields;
  for (size_t g = 0; g < option_groups(probe).size(); ++g) {
    for (size_t f = 0; f < option_groups(probe)[g].fields().size(); ++f) fields.emplace_back(g, f);
  }
  EXPECT_GT(fields.size(), 50U);
  for (const auto& [g, f] : fields) {
    RunConfig config = original;
    const auto groups = option_groups(config);
    const auto& field = groups[g].fields()[f];
    const auto value = another_value(field);
    // Of the prior, the network or the format that uses it only.
    const bool of_folders =
        field.name == "image_size" || field.name == "unreadable" || field.name == "cache";
    if (of_folders) config.data.format = DataFormat::folder;
    if (field.name == "domain") config.data.format = DataFormat::living17;
    if (field.name == "self_variance") config.attribution.ridge.prior = EffectPrior::self;
    if (field.name == "model") config.recipe.network.kind = NetworkKind::torchscript;
    const size_t changes = of_folders || field.name == "domain" || field.name == "self_variance" ||
                                   field.name == "model"
                               ? 2
                               : 1;
    field.set(value);
    const auto text = to_toml(config, false);
    const auto after = lines_of(text);
    ASSERT_EQ(after.size(), before.size());
    size_t differing = 0;
    for (size_t i = 0; i < after.size(); ++i) differing += after[i] != before[i] ? 1 : 0;
    EXPECT_EQ(differing, changes) << field.name;
    EXPECT_SAYS(text, "\n" + field.name + " = " + to_toml(value) + "\n");

    auto back = read(text);
    EXPECT_EQ(option_groups(back)[g].fields()[f].get(), value) << field.name;
    EXPECT_EQ(to_toml(back, false), text);
    EXPECT_EQ(to_toml(read(to_toml(config, true)), false), text) << "with comments";
  }
}

TEST_F(RunConfigFile, ForgetSetsComeBackInTheirOrder) {
  const auto config =
      read("name = \"x-1_2.3\"\n" + forget_set +
           "[[forget_set]]\nname = \"0\"\nfile = \"b.txt\"\ndescription = \"two\"\n");
  EXPECT_EQ(config.name, "x-1_2.3");
  EXPECT_EQ(config.path, path_);
  ASSERT_EQ(config.forget_sets.size(), 2U);
  EXPECT_EQ(config.forget_sets[0].name, "a");
  EXPECT_EQ(config.forget_sets[0].file, "a.txt");
  EXPECT_EQ(config.forget_sets[1].name, "0");
  EXPECT_EQ(config.forget_sets[1].description, "two");
  const auto text = to_toml(config, false);
  EXPECT_EQ(to_toml(read(text), false), text);
}

TEST_F(RunConfigFile, AnyTextComesBack) {
  for (const std::string text :
       {"", "\"quoted\" \\ and 'more'", "two\nlines\tand a tab\r\n", "\x01\x1f\x7f",
        "caf\xc3\xa9 \xe2\x88\x86", "# no comment", "[x]"}) {
    auto config = read(forget_set);
    config.forget_sets[0].description = text;
    config.data.path = "x" + text;
    const auto back = read(to_toml(config, false));
    EXPECT_EQ(back.forget_sets[0].description, text);
    EXPECT_EQ(back.data.path, "x" + text);
  }
}

TEST_F(RunConfigFile, WhatIsNotSetKeepsItsDefault) {
  const auto config = read("[recipe]\nepochs = 7\n" + forget_set);
  RunConfig expected;
  expected.recipe.epochs = 7;
  expected.forget_sets = {{"a", "a.txt", ""}};
  EXPECT_EQ(to_toml(config, false), to_toml(expected, false));
}

TEST_F(RunConfigFile, WhereItIsComputedIsNotPartOfWhatAnExperimentIs) {
  const auto here = read(forget_set);
  const auto there = read("[compute]\ndevice = \"cuda:1\"\nprecision = \"half\"\n" + forget_set);
  EXPECT_EQ(there.compute.device, "cuda:1");
  EXPECT_EQ(there.compute.precision, Precision::half);
  EXPECT_NE(to_toml(there, false), to_toml(here, false));
  EXPECT_EQ(identity_toml(there), identity_toml(here));
  EXPECT_EQ(identity_toml(here).find("compute"), std::string::npos);
}

TEST_F(RunConfigFile, AnUnknownKeyNamesTheNearestOne) {
  EXPECT_EQ(refusal_at(2, "[recipe]\nepoch = 3"),
            "unknown option \"epoch\" in [recipe]; did you mean \"epochs\"?");
  EXPECT_EQ(refusal_at(3, "[ensembles]\nseed = 1\noracle_model = 8"),
            "unknown option \"oracle_model\" in [ensembles]; did you mean \"oracle_models\"?");
  EXPECT_EQ(refusal_at(1, "nam = \"x\""), "unknown option \"nam\" in []; did you mean \"name\"?");
  EXPECT_EQ(refusal_at(2, "[[forget_set]]\nfiles = \"x\""),
            "unknown option \"files\" in [forget_set]; did you mean \"file\"?");
  // Of another table.
  EXPECT_SAYS(refusal_at(2, "[recipe]\nalpha = 0.5"), "unknown option \"alpha\" in [recipe]");
}

TEST_F(RunConfigFile, AnUnknownTableNamesTheNearestOne) {
  EXPECT_EQ(refusal_at(1, "[recipes]\nepochs = 3"),
            "unknown table [recipes]; did you mean [recipe]?");
  EXPECT_EQ(refusal_at(2, "\n[ensemble]"), "unknown table [ensemble]; did you mean [ensembles]?");
  EXPECT_EQ(refusal_at(1, "[[forgetset]]\nname = \"b\""),
            "unknown table [forgetset]; did you mean [forget_set]?");
}

TEST_F(RunConfigFile, NoTableIsThereTwice) {
  EXPECT_SAYS(refusal<InputError>("[data]\nformat = \"npy\"\n[data]\npath = \"x\""),
              path_.string() + ":3: ");
  EXPECT_EQ(refusal_at(3, "[[data]]\nformat = \"npy\"\n[[data]]\npath = \"x\""),
            "[data] is there twice");
  EXPECT_SAYS(refusal<InputError>("[data]\npath = \"x\"\npath = \"y\""), path_.string() + ":3: ");
}

TEST_F(RunConfigFile, WhatIsNoTomlIsRefusedWithItsLine) {
  EXPECT_SAYS(refusal<InputError>("[recipe\n"), path_.string() + ":1: ");
  EXPECT_SAYS(refusal<InputError>("[recipe]\nepochs = two\n"), path_.string() + ":2: ");
  EXPECT_SAYS(refusal<InputError>("\n\n\xff = 1"), path_.string() + ":");
  EXPECT_EQ(message_of<SystemError>([&] { read_run_config(folder_ / "none.toml"); }),
            (folder_ / "none.toml").string() + ": cannot be opened: No such file or directory");
}

TEST_F(RunConfigFile, ValuesOfAnotherTypeAreRefusedWithTheirLine) {
  EXPECT_EQ(refusal_at(2, "[recipe]\nepochs = 2.5"),
            "option epochs: whole number required, got 2.5");
  EXPECT_EQ(refusal_at(2, "[recipe]\nnesterov = 1"),
            "option nesterov: true or false required, got 1");
  EXPECT_EQ(refusal_at(2, "[recipe]\nhidden = [8, \"x\"]"),
            "hidden: true or false, a number, a text or a list of one of them required");
  EXPECT_EQ(refusal_at(2, "[recipe]\nnetwork = \"mpl\""),
            "option network: one of mlp, convnet, resnet9, resnet18, torchscript required, got "
            "\"mpl\"; did "
            "you mean "
            "\"mlp\"?");
  EXPECT_EQ(refusal_at(1, "name = 3"), "option name: text required, got 3");
}

TEST_F(RunConfigFile, ValuesOutOfTheirRangeAreRefusedInEveryTable) {
  EXPECT_EQ(refusal("[data]\ntrain_examples = -1"),
            "option train_examples: a whole number of at least 0 required, got -1");
  EXPECT_EQ(refusal("[recipe]\npeak_learning_rate = 0"),
            "option peak_learning_rate: a number above 0 required, got 0");
  EXPECT_EQ(refusal("[ensembles]\nseed = -1"),
            "option seed: a whole number of at least 0 required, got -1");
  EXPECT_EQ(refusal("[ensembles]\nsubset_models = 1"),
            "option subset_models: at least 2 required, got 1");
  EXPECT_EQ(refusal("[ensembles]\nfull_models = 1"),
            "option full_models: at least 2 required, got 1");
  EXPECT_EQ(refusal("[ensembles]\noracle_models = 3"),
            "option oracle_models: at least 4 (half to judge by, half for the floor) required, got "
            "3");
  EXPECT_SAYS(refusal("[ensembles]\nalpha = 0.7"), "option alpha: 1 - 1/K for a whole K");
  EXPECT_SAYS(refusal("[attribution]\nfolds = 1"), "option folds: ");
  EXPECT_SAYS(refusal("[matching]\ndamp = -1"), "option damp: ");
  EXPECT_SAYS(refusal("[evaluation]\nbins = 0"), "bins: ");
  EXPECT_SAYS(refusal("[evaluation]\nresamples = -1"), "resamples: ");
  for (const std::string value : {"nan", "inf", "-inf"}) {
    EXPECT_EQ(refusal("[evaluation]\nmultiplier = " + value),
              "option multiplier: a finite number required, got " + value);
  }
}

TEST_F(RunConfigFile, AForgetSetIsRequired) {
  EXPECT_EQ(message_of<OptionError>([&] { read("name = \"x\"\n"); }),
            path_.string() + ": at least one [[forget_set]] required, got none");
  EXPECT_EQ(message_of<OptionError>([&] { read(""); }),
            path_.string() + ": at least one [[forget_set]] required, got none");
}

TEST_F(RunConfigFile, NamesThatCannotBeFoldersAreRefused) {
  for (const std::string name :
       {"", ".", "..", ".x", "a/b", "../x", "a b", "caf\xc3\xa9", "a\\\\b"}) {
    const auto shown = name == "a\\\\b" ? "a\\b" : name;
    EXPECT_EQ(refusal("name = \"" + name + "\""),
              "option name: letters, digits, - _ . required, got \"" + shown + "\"");
    EXPECT_EQ(
        refusal("[[forget_set]]\nname = \"" + name + "\"\nfile = \"x\""),
        "option name of a [[forget_set]]: letters, digits, - _ . required, got \"" + shown + "\"");
  }
}

TEST_F(RunConfigFile, ForgetSetsHaveNamesOfTheirOwnAndFiles) {
  EXPECT_EQ(refusal(forget_set), "two [[forget_set]] tables are named \"a\"");
  EXPECT_EQ(refusal("[[forget_set]]\nname = \"b\""), "[[forget_set]] b: option file required");
  EXPECT_SAYS(refusal("[[forget_set]]\nfile = \"x\""), "option name of a [[forget_set]]: ");
}

TEST(EnsembleOptions, UnknownDtypesAreRefused) {
  EnsembleOptions options;
  options.logits_dtype = "float64";
  EXPECT_EQ(message_of<OptionError>([&] { options.validate(); }),
            "option logits_dtype: float32 or float16 required, got \"float64\"");
}

}  // namespace
}  // namespace expunge
