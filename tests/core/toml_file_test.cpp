#include "expunge/core/toml_file.h"

#include <gtest/gtest.h>

#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

TEST(Toml, TablesComeInTheFilesOrder) {
  const auto tables = parse_toml(R"(
name = "a"
[recipe]
hidden = [64, 32]
rate = 0.1
[[forget_set]]
file = "x.txt"
[[forget_set]]
file = "y.txt"
)",
                                 "c.toml");
  ASSERT_EQ(tables.size(), 4U);
  EXPECT_EQ(tables[0].name, "");
  EXPECT_EQ(tables[1].name, "recipe");
  EXPECT_EQ(std::get<std::vector<int64_t>>(tables[1].entries[0].value), (std::vector<int64_t>{64, 32}));
  EXPECT_EQ(std::get<double>(tables[1].entries[1].value), 0.1);
  EXPECT_EQ(std::get<std::string>(tables[3].entries[0].value), "y.txt");
  EXPECT_EQ(tables[3].entries[0].line, 9);
}

TEST(Toml, MistakesAreToldWithTheirLine) {
  const auto syntax = message_of<InputError>([] { parse_toml("a = 1\nb = = 2\n", "c.toml"); });
  EXPECT_EQ(syntax.rfind("c.toml:2: ", 0), 0U) << syntax;
  EXPECT_EQ(syntax.find('\n'), std::string::npos);
  const auto word = message_of<InputError>([] { parse_toml("a = tru\n", "c.toml"); });
  EXPECT_EQ(word.find('\n'), std::string::npos) << word;
  int64_t epochs = 1;
  OptionGroup group("recipe", "");
  group.add("epochs", epochs, "passes");
  const auto unknown = message_of<OptionError>([&] {
    apply(parse_toml("[recipe]\n\nepoch = 3\n", "c.toml").at(0), group, "c.toml");
  });
  EXPECT_EQ(unknown, "c.toml:3: unknown option \"epoch\" in [recipe]; did you mean \"epochs\"?");
  EXPECT_EQ(epochs, 1);
  const auto date = message_of<OptionError>([] { parse_toml("a = 1979-05-27\n", "c.toml"); });
  EXPECT_EQ(date, "c.toml:1: a: true or false, a number, a text or a list of one of them required");
}

TEST(Toml, WrittenTablesReadBack) {
  int64_t epochs = 7;
  std::string path = "a \"b\" \\c";
  OptionGroup group("recipe", "How");
  group.add("epochs", epochs, "passes", "count").add("path", path, "where");
  const auto text = to_toml_table(group, true);
  epochs = 0;
  path.clear();
  apply(parse_toml(text, "t").at(0), group, "t");
  EXPECT_EQ(epochs, 7);
  EXPECT_EQ(path, "a \"b\" \\c");
}

}  // namespace
}  // namespace expunge
