#include "expunge/report/report_words.h"

#include <gtest/gtest.h>

#include "expunge/report/report_tables.h"
#include "report/report_sample.h"

namespace expunge {
namespace {

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(ReportWords, Numbers) {
  EXPECT_EQ(klom_text(0.5449), "0.54");
  EXPECT_EQ(klom_text(-0.001), "0.00");
  EXPECT_EQ(share_text(0), "0%");
  EXPECT_EQ(share_text(0.042), "4.2%");
  EXPECT_EQ(share_text(0.04), "4%");
  EXPECT_EQ(share_text(0.00015), "0.015%");
  EXPECT_EQ(share_text(0.116), "12%");
  EXPECT_EQ(share_text(1), "100%");
  EXPECT_EQ(share_text(1.374), "137%");
  EXPECT_EQ(share_text(0.1), "10%");
  EXPECT_EQ(count_text(0), "0");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(40000), "40,000");
  EXPECT_EQ(count_text(-1234567), "-1,234,567");
  EXPECT_EQ(value_text(2048), "2,048");
  EXPECT_EQ(value_text(19.2), "19.2");
  EXPECT_EQ(counted(1, "model"), "1 model");
  EXPECT_EQ(counted(2, "model"), "2 models");
}

TEST(ReportWords, HeadlineNamesTheWorstRatioAndTheCost) {
  ReportData data = sample_report();  // worst: forget 0.625 / 0.5
  std::string words = plain(headline(data));
  EXPECT_TRUE(contains(words, "DMM comes within 1.3 times the floor")) << words;
  EXPECT_TRUE(contains(words, "for 4.2% of one training")) << words;
  EXPECT_TRUE(contains(words, "Doing nothing is at 20 times the floor")) << words;
  // The worst may be in another group of another set.
  data.forget_sets.push_back(sample_section("second"));
  data.forget_sets[1].rows[2].klom.retain.p95 = 0.9;
  data.forget_sets[1].rows[2].cost_share = 0.07;
  data.forget_sets[1].rows[0].klom.forget.p95 = 8;
  words = plain(headline(data));
  EXPECT_TRUE(contains(words, "within 1.8 times the floor")) << words;
  EXPECT_TRUE(contains(words, "both forget sets")) << words;
  EXPECT_TRUE(contains(words, "for at most 7% of one training")) << words;
  EXPECT_TRUE(contains(words, "16 to 20 times the floor")) << words;
}

TEST(ReportWords, WithinIsNeverRoundedDown) {
  ReportData data = sample_report();
  data.forget_sets[0].rows[2].klom.forget.p95 = 0.5 * 1.31;
  EXPECT_TRUE(contains(plain(headline(data)), "within 1.4 times"));
  data.forget_sets[0].rows[2].klom.forget.p95 = 0.5 * 1.3;
  EXPECT_TRUE(contains(plain(headline(data)), "within 1.3 times"));
}

TEST(ReportWords, AtTheFloorIsSaidAsSuch) {
  ReportData data = sample_report();
  data.forget_sets[0].rows[2] = row("DMM", MethodRole::unlearner, 0.4, 0.5, 0.3, 0.05);
  EXPECT_TRUE(contains(plain(headline(data)), "as close to retraining as retraining comes"));
}

TEST(ReportWords, AFailureIsNotPraised) {
  ForgetSetSection section = sample_section("s");
  section.rows[2].klom.forget.p95 = 11;
  const std::string words = plain(forget_set_result(section));
  EXPECT_TRUE(contains(words, "takes KLoM (P95) from 10.00 up to 11.00")) << words;
  EXPECT_FALSE(contains(words, "down"));
}

TEST(ReportWords, TheResultOfAForgetSet) {
  ForgetSetSection section = sample_section("s");
  EXPECT_EQ(plain(forget_set_result(section)),
            "On the 2 forgotten examples, DMM brings KLoM (P95) from 10.00 down to 0.62, where "
            "retraining itself scores 0.50. Retained examples are at 0.55 and validation examples "
            "at 0.50 (0.50 and 0.45 where nothing is done). A request costs 4.2% of one training.");
  for (auto& each : section.rows) each.klom.validation = GroupStatistic{};
  EXPECT_FALSE(contains(plain(forget_set_result(section)), "validation"));
  EXPECT_FALSE(contains(plain(forget_set_result(section)), "nan"));
}

TEST(ReportWords, WithoutAnUnlearnerNothingIsClaimed) {
  ReportData data = sample_report();
  data.forget_sets[0].rows.erase(data.forget_sets[0].rows.begin() + 2);
  EXPECT_TRUE(headline(data).empty());
  EXPECT_TRUE(contains(plain(forget_set_result(data.forget_sets[0])), "0.50, the floor"));
  EXPECT_TRUE(headline(ReportData{}).empty());
  data = sample_report();
  data.forget_sets[0].floor_p95 = 0;
  EXPECT_TRUE(headline(data).empty()) << "no ratio to a floor of 0";
}

TEST(ReportWords, UpFrontCost) {
  ReportData data = sample_report();
  EXPECT_EQ(
      plain(up_front_words(data)),
      "Once, before the first request: 100 subset models, which cost 80 trainings. At 4.2% of "
      "a training a request, that is less than retraining from request 84 on.");
  data.forget_sets[0].rows[2].cost_share = 1.2;
  EXPECT_TRUE(contains(plain(up_front_words(data)), "never becomes cheaper"));
  data.up_front.reset();
  EXPECT_TRUE(up_front_words(data).empty());
}

TEST(ReportTables, OneRowAMethod) {
  ForgetSetSection section = sample_section("s");
  section.rows[1].cost_share.reset();
  section.rows[1].klom.validation = GroupStatistic{};
  const auto table = method_table(section);
  ASSERT_EQ(table.rows().size(), 5u);
  EXPECT_EQ(table.rows()[2],
            (std::vector<std::string>{"DMM", "4.2%", "0.62 (0.56-0.69)", "0.55 (0.50-0.61)",
                                      "0.50 (0.45-0.55)", "0.31, 0.28, 0.25"}));
  EXPECT_EQ(table.rows()[1][1], "-");
  EXPECT_EQ(table.rows()[1][4], "-");
}

TEST(ReportTables, RecordsHoldEveryNumberInFull) {
  const auto table = score_records(sample_report());
  ASSERT_EQ(table.rows().size(), 15u);  // 5 methods x 3 groups
  const auto& record = table.rows()[6];
  EXPECT_EQ(record[1], "DMM");
  EXPECT_EQ(record[2], "unlearner");
  EXPECT_EQ(record[3], "forget");
  EXPECT_EQ(std::stod(record[4]), 0.625);
  EXPECT_EQ(std::stod(record[5]), 0.625 * 0.9) << "all digits";
  EXPECT_EQ(record[8], "0.042");
  EXPECT_EQ(record[9], "0.5");
}

}  // namespace
}  // namespace expunge
