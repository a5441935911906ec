// Models that load again bit for bit, and files that do not.
#include "expunge/train/model_file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "core/put_file.h"
#include "core/scratch_folder.h"
#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "expunge/core/safetensors.h"
#include "expunge/train/trainer.h"
#include "train/tiny_problem.h"

namespace expunge {
namespace {

using Change = std::function<void(SafetensorsFile&)>;

struct Trained {
  Problem problem;
  Recipe recipe;
  std::unique_ptr<LayeredNetwork> network;
};

// A trained network, so that running statistics are not what they begin as.
Trained train_tiny(NetworkKind kind, DtypeKind dtype = DtypeKind::float32) {
  Trained t;
  t.problem = make_problem(kind == NetworkKind::mlp ? tiny_data() : tiny_data(2, 12));
  t.recipe = tiny_recipe();
  t.recipe.network.kind = kind;
  t.recipe.network.width = 0.0625;
  t.recipe.network.dtype = dtype;
  t.recipe.epochs = 1;
  t.recipe.schedule.peak_learning_rate = 0.1 / 3;  // no short decimal
  t.network = make_network(t.recipe.network, t.problem.shape);
  t.network->initialise(5);
  std::vector<int64_t> members(40);
  std::iota(members.begin(), members.end(), 0);
  train_network(*t.network, t.problem.training, members, t.recipe, 6);
  return t;
}

class EveryModel : public testing::TestWithParam<std::tuple<NetworkKind, DtypeKind>> {};

TEST_P(EveryModel, LoadsAgainBitForBit) {
  const ScratchFolder folder;
  const auto t = train_tiny(std::get<0>(GetParam()), std::get<1>(GetParam()));
  auto metadata = model_metadata(t.recipe, t.problem);
  metadata["note"] = "two\nlines";
  write_model(folder / "a.safetensors", *t.network, metadata);
  const auto model = read_model(folder / "a.safetensors");

  const auto state = t.network->state();
  const auto back = model.network->state();
  ASSERT_EQ(back.size(), state.size());
  for (size_t i = 0; i < state.size(); ++i) {
    EXPECT_EQ(back[i].first, state[i].first);
    EXPECT_EQ(back[i].second.scalar_type(), state[i].second.scalar_type());
    EXPECT_TRUE(torch::equal(back[i].second, state[i].second)) << state[i].first;
  }
  const auto x = t.problem.inputs.to(t.network->parameters().scalar_type());
  EXPECT_TRUE(torch::equal(evaluate_logits(*model.network, x), evaluate_logits(*t.network, x)));

  Recipe recipe = t.recipe;
  Recipe recipe_back = model.recipe;
  EXPECT_EQ(settings_of(options_of(recipe_back)), settings_of(options_of(recipe)));
  EXPECT_EQ(recipe_back.schedule.peak_learning_rate, recipe.schedule.peak_learning_rate);
  EXPECT_EQ(model.metadata, metadata);
  EXPECT_EQ(model.normalisation.mean, t.problem.normalisation.mean);
  EXPECT_EQ(model.normalisation.stddev, t.problem.normalisation.stddev);
  EXPECT_EQ(model.shape.channels, t.problem.shape.channels);
  EXPECT_EQ(model.shape.height, t.problem.shape.height);
  EXPECT_EQ(model.shape.width, t.problem.shape.width);
  EXPECT_EQ(model.shape.classes, t.problem.shape.classes);
}

INSTANTIATE_TEST_SUITE_P(All, EveryModel,
                         testing::Combine(testing::Values(NetworkKind::mlp, NetworkKind::convnet,
                                                          NetworkKind::resnet9,
                                                          NetworkKind::resnet18),
                                          testing::Values(DtypeKind::float32, DtypeKind::float64)));

// What torch.nn.Sequential(Flatten(), Linear(16, 8), ReLU(), Linear(8, 3)).state_dict() has.
TEST(ModelFile, NamesAndShapesArePyTorchs) {
  const ScratchFolder folder;
  const auto t = train_tiny(NetworkKind::mlp);
  write_model(folder / "a.safetensors", *t.network, {});
  NamedShapes shapes;
  for (const auto& [name, tensor] : read_safetensors(folder / "a.safetensors").tensors)
    shapes.emplace_back(name, tensor.sizes().vec());
  EXPECT_EQ(
      shapes,
      (NamedShapes{{"1.weight", {8, 16}}, {"1.bias", {8}}, {"3.weight", {3, 8}}, {"3.bias", {3}}}));
}

TEST(ModelFile, ABitThatIsNotAsWrittenIsRefused) {
  const ScratchFolder folder;
  const auto t = train_tiny(NetworkKind::mlp);
  const auto path = folder / "a.safetensors";
  write_model(path, *t.network, model_metadata(t.recipe, t.problem));
  EXPECT_TRUE(check_model_file(path));
  const auto bytes = read_file(path);
  const auto refuses_flipped = [&](size_t at) {
    auto flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    put_file(path, flipped);
    EXPECT_SAYS(message_of<InputError>([&] { read_model(path); }), path.string() + ": ") << at;
    EXPECT_SAYS(message_of<InputError>([&] { check_model_file(path); }), path.string() + ": ")
        << at;
  };
  uint64_t header = 0;
  std::memcpy(&header, bytes.data(), 8);
  // Each tensor lies in the last bytes; the lowest bit of a float32 that is not 0 keeps it finite.
  for (const size_t at : {8 + header, bytes.size() - 4, bytes.size() - size_t{4} * 27})
    refuses_flipped(static_cast<size_t>(at));
  refuses_flipped(bytes.find("expunge.mean") + std::string("expunge.mean\":\"[0.").size() + 2);
  put_file(path, bytes);
  read_model(path);
}

// Of older files, and of other programs.
TEST(ModelFile, NoChecksumIsNoFault) {
  const ScratchFolder folder;
  const auto t = train_tiny(NetworkKind::mlp);
  const auto path = folder / "a.safetensors";
  write_model(path, *t.network, model_metadata(t.recipe, t.problem));
  auto file = read_safetensors(path);
  EXPECT_EQ(file.metadata.erase("expunge.crc32"), 1U);
  write_safetensors(path, file.tensors, file.metadata);
  EXPECT_FALSE(check_model_file(path));
  EXPECT_TRUE(torch::equal(read_model(path).network->parameters(), t.network->parameters()));
}

class BadModel : public testing::Test {
 protected:
  BadModel() : t_(train_tiny(NetworkKind::mlp)) {
    write_model(path_, *t_.network, model_metadata(t_.recipe, t_.problem));
    sound_ = read_safetensors(path_);
  }
  template <class E = InputError>
  void refuses(const Change& change, const std::string& words) {
    auto file = sound_;
    change(file);
    write_safetensors(path_, file.tensors, file.metadata);
    EXPECT_EQ(message_of<E>([&] { read_model(path_); }), path_.string() + ": " + words);
  }
  Change set(const std::string& key, const std::string& text) {
    return [=](SafetensorsFile& f) { f.metadata[key] = text; };
  }
  ScratchFolder folder_;
  std::filesystem::path path_ = folder_ / "a.safetensors";
  Trained t_;
  SafetensorsFile sound_;
};

TEST_F(BadModel, TensorsMustBeThoseOfTheNetwork) {
  refuses([](SafetensorsFile& f) { f.tensors.erase(f.tensors.begin() + 1); },
          "tensor \"1.bias\" required, not there");
  refuses(
      [](SafetensorsFile& f) {
        f.tensors[2].second = torch::zeros({3, 7});
      },
      "tensor \"3.weight\" of shape (3, 8) required, got (3, 7)");
  refuses([](SafetensorsFile& f) { f.tensors.emplace_back("4.bias", torch::zeros({1})); },
          "tensor \"4.bias\" does not belong to this network");
  refuses([](SafetensorsFile& f) { f.metadata["expunge.recipe.network"] = "\"convnet\""; },
          "tensor \"3.bias\" does not belong to this network");
}

TEST_F(BadModel, WeightsMustBeFinite) {
  for (const double value :
       {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN(), 1e300}) {
    refuses<NonFiniteError>(
        [=](SafetensorsFile& f) { f.tensors[3].second = torch::full({3}, value, torch::kFloat64); },
        "tensor \"3.bias\" has a value that is not finite");
  }
  t_.network->state()[1].second[2] = std::numeric_limits<float>::infinity();
  std::filesystem::remove(path_);
  EXPECT_EQ(message_of<NonFiniteError>([&] { write_model(path_, *t_.network, {}); }),
            path_.string() + ": tensor \"1.bias\" has a value that is not finite");
  EXPECT_TRUE(std::filesystem::is_empty(folder_.path()));
}

TEST_F(BadModel, EveryEntryOfTheMetadataIsRequired) {
  for (const auto& [key, text] : model_metadata(t_.recipe, t_.problem)) {
    if (key == "format") continue;  // for other readers
    refuses([&k = key](SafetensorsFile& f) { f.metadata.erase(k); },
            "metadata \"" + key + "\" required, not there");
  }
  refuses([](SafetensorsFile& f) { f.metadata.clear(); },
          "metadata \"expunge.recipe.network\" required, not there");
}

TEST_F(BadModel, RecipeMustBeOneThatThisVersionKnows) {
  refuses(set("expunge.recipe.epoch", "3"),
          "metadata: unknown option \"epoch\" in [recipe]; did you mean \"epochs\"?");
  refuses(set("expunge.recipe.epochs", "2.5"),
          "metadata: option epochs: whole number required, got 2.5");
  refuses(set("expunge.recipe.epochs", "0"),
          "metadata: option epochs: a whole number above 0 required, got 0");
  refuses(set("expunge.recipe.network", "\"resnet9\""),
          "metadata: resnet9 takes images of at least 12 x 12 pixels, got 4 x 4");
  refuses(set("expunge.recipe.hidden", "[8]\nother = 1"),
          "metadata \"expunge.recipe.hidden\": one TOML value required, got more");
  refuses(set("expunge.recipe.hidden", "{}"),
          "metadata \"expunge.recipe.hidden\": one TOML value required, got more");
}

TEST_F(BadModel, SizesAndNormalisationMustFit) {
  refuses(set("expunge.input", "[1, 16]"),
          "metadata \"expunge.input\": channels, height and width from 1 to 1048576 required, got "
          "[1, 16]");
  refuses(set("expunge.input", "[1, 0, 4]"),
          "metadata \"expunge.input\": channels, height and width from 1 to 1048576 required, got "
          "[1, 0, 4]");
  refuses(set("expunge.classes", "\"3\""),
          "metadata \"expunge.classes\" is of another type: \"3\"");
  refuses(set("expunge.classes", "1"),
          "metadata: a classifier of at least 2 classes required, got 1");
  refuses(set("expunge.mean", "[0.5, 0.5]"),
          "metadata \"expunge.mean\": 1 finite numbers required, got [0.5, 0.5]");
  refuses(set("expunge.mean", "[nan]"),
          "metadata \"expunge.mean\": 1 finite numbers required, got [nan]");
  refuses(set("expunge.stddev", "[0.0]"),
          "metadata \"expunge.stddev\": 1 finite numbers above 0 required, got [0.0]");
}

// Sizes for which there is no memory are refused by comparing them with the file's tensors.
TEST_F(BadModel, HugeSizesAreRefusedBeforeMemoryIsTaken) {
  refuses(set("expunge.recipe.hidden", "[4611686018427387904]"),
          "tensor \"1.weight\" of shape (4611686018427387904, 16) required, got (8, 16)");
  refuses(set("expunge.classes", "1099511627776"),
          "tensor \"3.weight\" of shape (1099511627776, 8) required, got (3, 8)");
  refuses(set("expunge.input", "[1, 1048576, 1048576]"),
          "tensor \"1.weight\" of shape (8, 1099511627776) required, got (8, 16)");
  refuses(set("expunge.recipe.width", "1e300"),
          "metadata: option width: a factor above 0, at most 1000 required, got 1e+300");
}

TEST_F(BadModel, NoTextInTheMetadataDoesMoreThanFail) {
  const std::vector<std::string> texts = {
      "",         "{}",       "{a = 1}",  "[{}]",
      "[",        "[[1], 2]", "nan",      "-1",
      "1e400",    "'x'",      "1\n[t]\n", "1979-05-27",
      "[1, 'a']", "#",        "\"",       "99999999999999999999",
      "[[t]]",    "\x01"};
  for (const auto& [key, original] : sound_.metadata) {
    for (const auto& text : texts) {
      auto file = sound_;
      file.metadata[key] = text;
      write_safetensors(path_, file.tensors, file.metadata);
      try {
        read_model(path_);
      } catch (const InputError& error) {
        EXPECT_SAYS(std::string(error.what()), path_.string());
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      }
    }
  }
}

TEST_F(BadModel, EveryPrefixOfTheFileIsRefused) {
  const auto bytes = read_file(path_);
  for (size_t size = 0; size < bytes.size(); size += 7) {
    write_file_atomically(path_, bytes.substr(0, size));
    EXPECT_SAYS(message_of<InputError>([&] { read_model(path_); }), path_.string());
  }
}

TEST(RequireSameData, RefusesAModelOfOtherInputsOrNormalisation) {
  const ScratchFolder folder;
  const auto t = train_tiny(NetworkKind::mlp);
  write_model(folder / "m.safetensors", *t.network, model_metadata(t.recipe, t.problem));
  const auto model = read_model(folder / "m.safetensors");
  EXPECT_NO_THROW(require_same_data(model, t.problem, "here"));
  EXPECT_SAYS(
      message_of<InputError>(
          [&] { require_same_data(model, make_problem(tiny_data(1, 5)), "here"); }),
      "here: a model of 1 x 5 x 5 inputs and 3 classes as in the data required, got 1 x 4 x 4");
  auto other = t.problem;
  other.normalisation.stddev[0] *= 2;
  EXPECT_SAYS(message_of<InputError>([&] { require_same_data(model, other, "here"); }),
              "trained on other data");
}

}  // namespace
}  // namespace expunge
