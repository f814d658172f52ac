#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <optional>

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
  EXPECT_EQ(channels(PixelMode::kBGRA), 4);
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

TEST(CropTest, IsAViewOfTheSameMemory) {
  const Image image = synthetic(PixelMode::kRGB, "noise", 6, 60, 50);
  const ImageView region = crop(image, 7, 5, 40, 30);
  EXPECT_EQ(region.data, image.pixels().data() + 5 * 180 + 7 * 3);
  EXPECT_EQ(region.width, 40);
  EXPECT_EQ(region.height, 30);
  EXPECT_EQ(region.row_stride_bytes, 180);
  const ImageView corner = crop(crop(image, 10, 10, 50, 40), 49, 39, 1, 1);
  EXPECT_EQ(corner.data, image.pixels().data() + image.pixels().size() - 3);
}

TEST(CropTest, RefusesWhatIsNotWithinTheImage) {
  const Image image = synthetic(PixelMode::kL, "noise", 6, 6, 5);
  constexpr auto huge = std::numeric_limits<std::int64_t>::max();
  const std::int64_t regions[][4] = {
      {-1, 0, 2, 2},   {0, -1, 2, 2},   {0, 0, 0, 2},    {0, 0, 2, 0},    {0, 0, 7, 2},
      {0, 0, 2, 6},    {5, 0, 2, 2},    {0, 4, 2, 2},    {6, 0, 1, 1},    {huge, 0, 1, 1},
      {0, huge, 1, 1}, {0, 0, huge, 1}, {1, 1, huge, 1}, {1, 1, 1, huge}, {-huge, 0, huge, 1}};
  for (const auto& [x, y, width, height] : regions) {
    const auto error = error_of([&] { crop(image, x, y, width, height); });
    ASSERT_TRUE(error) << x << ' ' << y << ' ' << width << ' ' << height;
    EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument);
  }
  EXPECT_TRUE(error_of([] { crop(ImageView{}, 0, 0, 1, 1); }));
}

TEST(CopyTest, OwnsThePixelsOfARegionTightlyPacked) {
  std::optional<Image> image = synthetic(PixelMode::kRGBA, "noise", 6, 60, 50);
  const ImageView region = crop(*image, 7, 5, 4, 3);
  std::vector<std::uint8_t> expected(48);
  for (std::int64_t y = 0; y < 3; ++y) {
    std::copy_n(region.data + y * region.row_stride_bytes, 16, expected.data() + y * 16);
  }
  const Image owned = copy(region);
  image.reset();
  EXPECT_TRUE(std::ranges::equal(owned.pixels(), expected));
  EXPECT_EQ(owned.mode(), PixelMode::kRGBA);
}

TEST(CopyTest, KeepsThePalette) {
  const Image image = synthetic(PixelMode::kP, "noise", 6, 9, 5);
  const Image owned = copy(image);
  EXPECT_TRUE(std::ranges::equal(owned.pixels(), image.pixels()));
  EXPECT_TRUE(std::ranges::equal(owned.view().palette, image.view().palette));
}

TEST(CopyTest, RefusesAnImpossibleView) {
  EXPECT_TRUE(error_of([] { copy(ImageView{}); }));
}

}  // namespace
}  // namespace glint::test
