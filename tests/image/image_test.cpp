#include <gtest/gtest.h>

#include <limits>

#include "image/pictures.h"
#include "image/view.h"

namespace glint::test {
namespace {

TEST(ImageTest, ChannelsOfEachMode) {
  EXPECT_EQ(channels(PixelMode::kL), 1);
  EXPECT_EQ(channels(PixelMode::kP), 1);
  EXPECT_EQ(channels(PixelMode::kLA), 2);
  EXPECT_EQ(channels(PixelMode::kRGB), 3);
  EXPECT_EQ(channels(PixelMode::kBGR), 3);
  EXPECT_EQ(channels(PixelMode::kRGBA), 4);
  EXPECT_EQ(channels(PixelMode::kCMYK), 4);
}

TEST(ImageTest, UnknownModeIsRefused) {
  EXPECT_EQ(error_of([] { channels(static_cast<PixelMode>(99)); })->code(),
            ErrorCode::kInvalidArgument);
}

TEST(ImageTest, OwnsItsPixelsAndShowsThemAsAView) {
  const Image image(2, 1, PixelMode::kRGB, {1, 2, 3, 4, 5, 6});
  const ImageView view = image;
  EXPECT_EQ(view.width, 2);
  EXPECT_EQ(view.height, 1);
  EXPECT_EQ(view.row_stride_bytes, 6);
  EXPECT_EQ(view.data[5], 6);
}

TEST(ImageTest, RefusesPixelsThatDoNotFillItsSides) {
  for (const std::int64_t bytes : {0, 5, 7}) {
    const auto error = error_of([&] {
      Image(2, 1, PixelMode::kRGB, std::vector<std::uint8_t>(static_cast<std::size_t>(bytes), 1));
    });
    ASSERT_TRUE(error) << bytes;
    EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
  }
}

TEST(ImageTest, RefusesImpossibleSidesAndPalettes) {
  constexpr auto huge = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(error_of([] { Image(0, 1, PixelMode::kL, {}); }));
  EXPECT_TRUE(error_of([] { Image(-1, -1, PixelMode::kL, {1}); }));
  constexpr std::int64_t large = 0x7fffffff;
  EXPECT_TRUE(error_of([] { Image(large, large, PixelMode::kRGBA, {1}); }));
  EXPECT_TRUE(error_of([] { Image(huge, huge, PixelMode::kRGBA, {1}); }));
  EXPECT_TRUE(error_of([] { Image(1, 1, PixelMode::kP, {0}); }));
  EXPECT_TRUE(error_of([] { Image(1, 1, PixelMode::kP, {0}, {1, 2}); }));
  EXPECT_TRUE(
      error_of([] { Image(1, 1, PixelMode::kP, {0}, std::vector<std::uint8_t>(3 * 257)); }));
}

TEST(ImageTest, MessageSaysWhatWasExpectedAndGot) {
  const auto error = error_of([] { Image(2, 1, PixelMode::kRGB, {1, 2, 3}); });
  EXPECT_STREQ(error->what(), "image: expected 2 x 1 pixels of 3 bytes, got 3 bytes");
}

}  // namespace
}  // namespace glint::test
