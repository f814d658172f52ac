#include <glint/segmentation.h>
#include <gtest/gtest.h>

#include <cmath>

#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;
using Map = std::vector<std::int32_t>;

constexpr std::int32_t kNone = Segmentation::kNone;

// truth   0 0 0 1 1 2 -     answer  0 0 1 1 - 1 2
const Map kTruth{0, 0, 0, 1, 1, 2, kNone};
const Map kAnswer{0, 0, 1, 1, kNone, 1, 2};

TEST(SegmentationScoresTest, CountsWhatTheTruthNames) {
  SegmentationScores scores(4);
  scores.add(kTruth, kAnswer);
  EXPECT_EQ(scores.pixels(), 6);
  EXPECT_EQ(scores.pixels(0), 3);
  EXPECT_EQ(scores.pixels(3), 0);
  EXPECT_DOUBLE_EQ(scores.pixel_accuracy(), 3.0 / 6);
  EXPECT_DOUBLE_EQ(scores.iou(0), 2.0 / 3);
  EXPECT_DOUBLE_EQ(scores.iou(1), 1.0 / 4);
  EXPECT_DOUBLE_EQ(scores.iou(2), 0);  // the answer's only 2 lies where nothing is counted
  EXPECT_TRUE(std::isnan(scores.iou(3)));
  EXPECT_DOUBLE_EQ(scores.mean_iou(), (2.0 / 3 + 1.0 / 4 + 0) / 3);
}

TEST(SegmentationScoresTest, OfSeveralPicturesAreThoseOfOneThatHoldsThem) {
  SegmentationScores all(3), parts(3);
  all.add(kTruth, kAnswer);
  for (std::size_t i = 0; i < kTruth.size(); ++i) {
    parts.add({&kTruth[i], 1}, {&kAnswer[i], 1});
  }
  EXPECT_EQ(parts.pixel_accuracy(), all.pixel_accuracy());
  EXPECT_EQ(parts.mean_iou(), all.mean_iou());
}

TEST(SegmentationScoresTest, OfNothingAreNone) {
  SegmentationScores scores(2);
  scores.add(Map{kNone, kNone}, Map{0, 1});
  EXPECT_EQ(scores.pixels(), 0);
  EXPECT_TRUE(std::isnan(scores.pixel_accuracy()));
  EXPECT_TRUE(std::isnan(scores.mean_iou()));
}

TEST(SegmentationScoresTest, RefuseWhatTheyCannotCount) {
  const auto bad = ErrorCode::kInvalidArgument;
  expect_error(bad, "at least one label", [] { SegmentationScores{0}; });
  SegmentationScores scores(2);
  expect_error(bad, "got 2 and 1 pixels", [&] { scores.add(Map{0, 1}, Map{0}); });
  expect_error(bad, "below 2 (the labels) or -1 in the truth, got 2 at pixel 1", [&] {
    scores.add(Map{0, 2}, Map{0, 1});
  });
  expect_error(bad, "in the answer, got -2 at pixel 0", [&] { scores.add(Map{0, 1}, Map{-2, 1}); });
  EXPECT_EQ(scores.pixels(), 0);
}

}  // namespace
}  // namespace glint
