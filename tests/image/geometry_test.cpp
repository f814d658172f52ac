#include "image/geometry.h"

#include <gtest/gtest.h>

#include "image/pictures.h"

namespace glint::test {
namespace {

Placement placed(std::int64_t target_width, std::int64_t target_height, std::int64_t width,
                 std::int64_t height) {
  const PreprocessSpec spec{
      .width = target_width, .height = target_height, .mean = {}, .std = {1, 1, 1}};
  return place(spec, width, height);
}

TEST(GeometryTest, LongSideOfASquareTargetIsCutOff) {
  const Placement placement = placed(224, 224, 640, 427);  // 224 * 640 / 427 = 335.7
  EXPECT_EQ(placement.resized_width, 335);
  EXPECT_EQ(placement.resized_height, 224);
}

TEST(GeometryTest, ASideBeforeTheCropIsTheShorterOne) {
  const PreprocessSpec spec{
      .width = 224, .height = 224, .resize = 256, .mean = {}, .std = {1, 1, 1}};
  const Placement placement = place(spec, 640, 427);  // 256 * 640 / 427 = 383.7
  EXPECT_EQ(placement.resized_width, 383);
  EXPECT_EQ(placement.resized_height, 256);
  EXPECT_EQ(placement.left, 80);  // 79.5
  EXPECT_EQ(placement.top, 16);
  EXPECT_EQ(placement.width, 224);
}

TEST(GeometryTest, CropOffsetRoundsHalvesToEven) {
  EXPECT_EQ(placed(10, 10, 11, 10).left, 0);  // 0.5
  EXPECT_EQ(placed(10, 10, 13, 10).left, 2);  // 1.5
  EXPECT_EQ(placed(10, 10, 10, 15).top, 2);   // 2.5
  EXPECT_EQ(placed(10, 10, 10, 17).top, 4);   // 3.5
  EXPECT_EQ(placed(10, 10, 14, 10).left, 2);
}

TEST(GeometryTest, OtherTargetsAreCovered) {
  const Placement placement = placed(48, 32, 300, 100);  // ratio 100 / 32
  EXPECT_EQ(placement.resized_width, 96);
  EXPECT_EQ(placement.resized_height, 32);
  EXPECT_EQ(placement.left, 24);
}

TEST(GeometryTest, AResizedPictureIsNeverSmallerThanTheTarget) {
  for (std::int64_t width = 1; width < 130; ++width) {
    for (std::int64_t height = 1; height < 130; ++height) {
      for (const auto& [w, h] : {std::pair<int, int>{7, 7}, {7, 5}, {49, 3}, {224, 336}}) {
        const Placement placement = placed(w, h, width, height);
        ASSERT_GE(placement.resized_width, w);
        ASSERT_GE(placement.resized_height, h);
      }
    }
  }
}

TEST(GeometryTest, ACropMayStartAtTheLowerHalf) {
  PreprocessSpec spec{.width = 10, .height = 10, .mean = {}, .std = {1, 1, 1}};
  EXPECT_EQ(place(spec, 13, 10).left, 2);  // 1.5
  spec.crop = CropRounding::kDown;
  EXPECT_EQ(place(spec, 13, 10).left, 1);
  EXPECT_EQ(place(spec, 10, 17).top, 3);  // 3.5
}

TEST(GeometryTest, TheLongestEdgeFitsAndTheSmallerHalfOfThePaddingComesFirst) {
  const PreprocessSpec spec{
      .width = 20, .height = 30, .geometry = Geometry::kLongest, .mean = {}, .std = {1, 1, 1}};
  const Placement wide = place(spec, 200, 50);  // ratio 10
  EXPECT_EQ(wide.resized_width, 20);
  EXPECT_EQ(wide.resized_height, 5);
  EXPECT_EQ(wide.pad_left, 0);
  EXPECT_EQ(wide.pad_top, 12);  // of 25
  EXPECT_EQ(wide.width, 20);
  EXPECT_EQ(wide.height, 5);
  for (std::int64_t width = 1; width < 130; ++width) {
    for (std::int64_t height = 1; height < 130; ++height) {
      if (width > 30 * height || height > 50 * width) continue;  // a side vanishes
      const Placement placement = place(spec, width, height);
      ASSERT_TRUE(placement.resized_width == 20 || placement.resized_height == 30);
      ASSERT_LE(placement.pad_left + placement.width, 20);
      ASSERT_LE(placement.pad_top + placement.height, 30);
    }
  }
}

TEST(GeometryTest, ALongestEdgeThatLeavesNothingOfTheOtherIsUnsupported) {
  const PreprocessSpec spec{
      .width = 224, .height = 224, .geometry = Geometry::kLongest, .mean = {}, .std = {1, 1, 1}};
  EXPECT_EQ(place(spec, 1, 447).resized_width, 1);
  const auto error = error_of([&] { place(spec, 1, 449); });  // 0.499
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
}

TEST(GeometryTest, ImpossibleAspectRatiosAreUnsupported) {
  const auto error = error_of([] { placed(224, 224, 1, 50'000'000); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace glint::test
