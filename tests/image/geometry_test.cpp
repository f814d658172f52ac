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

TEST(GeometryTest, ImpossibleAspectRatiosAreUnsupported) {
  const auto error = error_of([] { placed(224, 224, 1, 50'000'000); });
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace glint::test
