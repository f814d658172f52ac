// Shares and runs of labels against the map.
#include <glint/segmentation.h>
#include <gtest/gtest.h>

#include <numeric>

#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;

const Segmentation kAnswer{.width = 4,
                           .height = 3,
                           .labels = {"cat", "dog", "sheep"},
                           .map = {0, 0, 2, 2,   //
                                   2, -1, 0, 0,  //
                                   0, 0, 0, 2}};

TEST(RegionsTest, SharesArePixelsOverAllPixels) {
  EXPECT_EQ(label_fractions(kAnswer), (std::vector<double>{7.0 / 12, 0, 4.0 / 12}));
}

TEST(RegionsTest, RunsGoOnInTheNextRow) {
  const auto runs = label_runs(kAnswer);
  std::vector<std::pair<std::int32_t, std::int64_t>> pairs;
  for (const LabelRun& run : runs) pairs.emplace_back(run.label, run.length);
  const std::vector<std::pair<std::int32_t, std::int64_t>> expected{
      {0, 2}, {2, 3}, {-1, 1}, {0, 5}, {2, 1}};
  EXPECT_EQ(pairs, expected);
}

TEST(RegionsTest, RefuseMapsThatDoNotFit) {
  const auto bad = ErrorCode::kInvalidArgument;
  Segmentation answer = kAnswer;
  answer.height = 4;
  expect_error(bad, "got 12 pixels for 4 x 4", [&] { label_runs(answer); });
  answer = kAnswer;
  answer.map[5] = 3;
  expect_error(bad, "expected indices of 3 labels, got 3", [&] { label_fractions(answer); });
  answer.map[5] = -2;
  expect_error(bad, "got -2", [&] { label_fractions(answer); });
  expect_error(bad, "got 0 pixels for 0 x 0", [] { label_runs({}); });
}

TEST(PaletteTest, IsTheSameForEveryNumberAndHasDistinctFirstColours) {
  const auto many = palette(1000), few = palette(19);
  EXPECT_EQ(many.size(), 1000U);
  for (std::size_t i = 0; i < few.size(); ++i) {
    EXPECT_EQ(few[i], many[i]);
    for (std::size_t j = 0; j < i; ++j) {
      int distance = 0;
      for (std::size_t c = 0; c < 3; ++c) distance += std::abs(few[i][c] - few[j][c]);
      EXPECT_GE(distance, 40) << i << ", " << j;
    }
  }
  for (std::size_t i = 1; i < many.size(); ++i) EXPECT_NE(many[i], many[i - 1]) << i;
  EXPECT_TRUE(palette(0).empty());
  expect_error(ErrorCode::kInvalidArgument, "got -1", [] { palette(-1); });
}

}  // namespace
}  // namespace glint
