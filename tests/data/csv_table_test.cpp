#include "expunge/data/csv_table.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "expunge/core/atomic_file.h"
#include "expunge/core/error.h"
#include "message_of.h"

namespace expunge {
namespace {

class CsvTables : public testing::Test {
 protected:
  std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / fmt::format("expunge-csv-{}.csv", getpid());
  void TearDown() override { std::filesystem::remove(path_); }
  CsvTable read(const std::string& text, const std::string& target = "") {
    write_file_atomically(path_, text);
    return read_csv_table(path_, target);
  }
  std::string refusal(const std::string& text, const std::string& target = "") {
    return message_of<InputError>([&] { read(text, target); });
  }
};

TEST_F(CsvTables, FeaturesAndTargetComeByName) {
  const auto table = read(
      "\xef\xbb\xbf"
      "a,y,\"b, c\"\r\n1, 2 ,3\r\n\n+4,-5e-1,.6\n",
      "y");
  EXPECT_EQ(table.feature_names, (std::vector<std::string>{"a", "b, c"}));
  EXPECT_EQ(table.target_name, "y");
  EXPECT_TRUE(table.features.equal(torch::tensor({{1.0, 3.0}, {4.0, 0.6}}, torch::kFloat64)));
  EXPECT_TRUE(table.target_numbers.equal(torch::tensor({2.0, -0.5}, torch::kFloat64)));
}

TEST_F(CsvTables, WordsAreTargetsOfClasses) {
  const auto table = read("a,kind\n1,\"a \"\"b\"\"\"\n2,cat");
  EXPECT_EQ(table.target, (std::vector<std::string>{"a \"b\"", "cat"}));
  EXPECT_FALSE(table.target_numbers.defined());
}

TEST_F(CsvTables, RefusalsAreOneLine) {
  EXPECT_NE(refusal("\"a\nb\",c\n\"x\ny\",2\n").find("column a?b required, got \"x?y\""),
            std::string::npos);
  EXPECT_NE(refusal("\"a\nb\",\"a\nb\"\n").find("a?b twice"), std::string::npos);
  EXPECT_NE(refusal("c,\"a\nb\"\n1,\n").find("column a?b required"), std::string::npos);
  EXPECT_NE(message_of<NonFiniteError>([&] { read("\"a\nb\",c\nnan,2\n"); }).find("column a?b"),
            std::string::npos);
}

TEST_F(CsvTables, FaultsNameFileAndLine) {
  EXPECT_NE(refusal("").find("header"), std::string::npos);
  EXPECT_NE(refusal("a\n1\n").find("1 columns"), std::string::npos);
  EXPECT_NE(refusal("a,b\n").find("at least one example"), std::string::npos);
  EXPECT_NE(refusal("a,a\n1,2\n").find("a twice"), std::string::npos);
  EXPECT_NE(refusal("a,b\n1,2\n", "c").find("column c"), std::string::npos);
  EXPECT_NE(refusal("a,b\n1,2\n1,2,3\n").find(".csv:3: 2 fields"), std::string::npos);
  EXPECT_NE(refusal("a,b\n1,2\n1x,2\n").find(".csv:3: a number in column a"), std::string::npos);
  EXPECT_NE(refusal("a,b\n,2\n").find("a number in column a"), std::string::npos);
  EXPECT_NE(refusal("a,b\n1,\n").find("a value in column b"), std::string::npos);
  EXPECT_NE(refusal("a,b\n\"1,2\n").find("closing quote"), std::string::npos);
  EXPECT_NE(refusal("a,b\n\"1\"x,2\n").find("after a closing quote"), std::string::npos);
  EXPECT_NE(message_of<NonFiniteError>([&] { read("a,b\nnan,2\n"); }).find(".csv:2"),
            std::string::npos);
  EXPECT_NE(message_of<NonFiniteError>([&] { read("a,b\n1,inf\n"); }).find("column b"),
            std::string::npos);
}

TEST_F(CsvTables, OneColumnOfTextAsWritten) {
  const auto column = [&](const std::string& text, const std::string& name) {
    write_file_atomically(path_, text);
    return read_csv_column(path_, name);
  };
  EXPECT_EQ(column("id,user\n1, ann \n2,\n3,\"b, c\"\n", "user"),
            (std::vector<std::string>{"ann", "", "b, c"}));
  EXPECT_EQ(column("user\nann\n", "user"), (std::vector<std::string>{"ann"}));
  const auto refusal = [&](const std::string& text, const std::string& name) {
    return message_of<InputError>([&] { column(text, name); });
  };
  EXPECT_NE(refusal("id,user\n1,ann\n", "name").find("one column name required, got none"),
            std::string::npos);
  EXPECT_NE(refusal("user,user\n1,ann\n", "user").find("got two"), std::string::npos);
  EXPECT_NE(refusal("id,user\n1,ann\n2\n", "user").find(".csv:3: 2 fields"), std::string::npos);
  EXPECT_NE(refusal("", "user").find("header"), std::string::npos);
}

}  // namespace
}  // namespace expunge
