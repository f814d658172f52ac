// What is drawn, pixel by pixel where it is plain, and by its traits where it is lettering.
#include <glint/segmentation.h>
#include <gtest/gtest.h>

#include <cmath>

#include "image/pictures.h"
#include "segmentation/font.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;

Colour pixel_of(const Image& image, std::int64_t x, std::int64_t y) {
  const auto* const at = image.pixels().data() + 3 * (y * image.width() + x);
  return {at[0], at[1], at[2]};
}

// Left of column 20 "cat", right of it "background", and nothing below row 30.
Segmentation halves(std::int64_t width = 300, std::int64_t height = 40) {
  Segmentation answer{width, height, {"cat", "background", "dog"}, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      answer.map.push_back(y > 30 ? Segmentation::kNone : x < 20 ? 0 : 1);
    }
  }
  return answer;
}

constexpr OverlayOptions kBare{.opacity = 0.25, .contours = false, .legend = false};

TEST(OverlayTest, BlendsColours) {
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 300, 40);
  const Image drawn = overlay(picture, halves(), kBare);
  ASSERT_EQ(drawn.width(), 300);
  ASSERT_EQ(drawn.height(), 40);
  ASSERT_EQ(drawn.mode(), PixelMode::kRGB);
  const Colour cat = palette(1)[0];
  for (std::int64_t y = 0; y < 40; ++y) {
    for (std::int64_t x = 0; x < 300; ++x) {
      const Colour before = pixel_of(picture, x, y), after = pixel_of(drawn, x, y);
      for (std::size_t c = 0; c < 3; ++c) {
        const bool coloured = y <= 30 && x < 20;  // background is left as it is
        ASSERT_EQ(after[c], coloured ? std::lround(0.75 * before[c] + 0.25 * cat[c]) : before[c]);
      }
    }
  }
  OverlayOptions all = kBare;
  all.plain = "";
  all.opacity = 1;
  EXPECT_EQ(pixel_of(overlay(picture, halves(), all), 100, 10), palette(2)[1]);
}

TEST(OverlayTest, DrawsLinesWhereLabelsMeet) {
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 300, 40);
  OverlayOptions options = kBare;
  options.contours = true;
  options.opacity = 0;
  const Image drawn = overlay(picture, halves(), options);
  const Colour cat = palette(1)[0];
  for (std::int64_t y = 0; y < 40; ++y) {
    for (std::int64_t x = 0; x < 40; ++x) {
      const bool line = y <= 30 && x < 20 && (x == 19 || y == 30);
      ASSERT_EQ(pixel_of(drawn, x, y), line ? cat : pixel_of(picture, x, y)) << x << ", " << y;
    }
  }
}

TEST(OverlayTest, HasALegendOfLabelsThatOccur) {
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 300, 40);
  OverlayOptions options = kBare;
  options.legend = true;
  const Image drawn = overlay(picture, halves(), options);
  EXPECT_EQ(drawn.width(), 300);
  EXPECT_GT(drawn.height(), 40 + 9);
  // Background comes first, with an empty box; cat has a full one behind it; there is no dog.
  std::map<Colour, int> seen;
  for (std::int64_t y = 40; y < drawn.height(); ++y) {
    for (std::int64_t x = 0; x < 300; ++x) ++seen[pixel_of(drawn, x, y)];
  }
  EXPECT_EQ(seen[palette(1)[0]], 81);  // 9 x 9
  EXPECT_FALSE(seen.contains(palette(3)[2]));
  EXPECT_EQ(seen.size(), 3U);  // and paper, ink
  EXPECT_EQ(pixel_of(drawn, 4, 44), (Colour{32, 32, 32}));
  EXPECT_EQ(pixel_of(drawn, 5, 45), (Colour{255, 255, 255}));
}

TEST(OverlayTest, TakesTinyPicturesLongNamesAndManyLabels) {
  Segmentation answer{1, 1, {std::string(10'000, 'x')}, {0}};
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 1, 1);
  const Image drawn = overlay(picture, answer);
  EXPECT_GT(drawn.width(), 100);
  EXPECT_LT(drawn.width(), 600);
  Segmentation many{40, 50, {}, {}};
  for (int k = 0; k < 2000; ++k) {
    many.labels.push_back("\xc3\xa4\xe2\x82\xac\x01 " + std::to_string(k));
    many.map.push_back(k);
  }
  const Image large = overlay(test::synthetic(PixelMode::kRGB, "noise", 3, 40, 50), many);
  EXPECT_LT(large.height(), 50 + 13 * 27);  // 24 labels, and how many more
}

TEST(OverlayTest, TakesPicturesOfEveryMode) {
  for (const PixelMode mode : {PixelMode::kL, PixelMode::kLA, PixelMode::kRGB, PixelMode::kBGR,
                               PixelMode::kRGBA, PixelMode::kBGRA, PixelMode::kCMYK}) {
    const Image picture(2, 1, mode, std::vector<std::uint8_t>(2 * channels(mode), 100));
    const Segmentation answer{2, 1, {"background"}, {0, 0}};
    const Image drawn = overlay(picture, answer, kBare);
    const auto expected = mode == PixelMode::kCMYK ? 95 : 100;
    EXPECT_NEAR(pixel_of(drawn, 1, 0)[0], expected, mode == PixelMode::kCMYK ? 5 : 0);
  }
}

TEST(OverlayTest, RefusesWhatDoesNotFit) {
  const auto bad = ErrorCode::kInvalidArgument;
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 30, 40);
  expect_error(bad, "labelled, 300 x 40, got 30 x 40", [&] { overlay(picture, halves()); });
  for (const double opacity : {-0.1, 1.1, std::nan("")}) {
    expect_error(bad, "opacity: expected a number from 0 to 1",
                 [&] { overlay(picture, halves(30, 40), {.opacity = opacity}); });
  }
  expect_error(bad, "", [&] { overlay(ImageView{}, halves()); });
}

TEST(FontTest, LettersDifferAndUnknownOnesAreBoxes) {
  for (char a = ' '; a <= '~'; ++a) {
    for (char b = ' '; b < a; ++b) EXPECT_NE(letter(a), letter(b)) << a << b;
    EXPECT_NE(letter(a), letter('\x7f'));
  }
  EXPECT_EQ(ascii_form("b\xc3\xa4r \xf0\x9f\x90\xbb\n"), "b\x7fr \x7f\x7f");
}

TEST(EncodePngTest, ComesBackPixelByPixel) {
  const Image picture = test::synthetic(PixelMode::kRGB, "noise", 3, 37, 23);
  const Image back = decode_image(encode_png(picture));
  EXPECT_EQ(back.mode(), PixelMode::kRGB);
  EXPECT_TRUE(std::ranges::equal(back.pixels(), picture.pixels()));
  const ImageView part = crop(picture, 3, 4, 11, 7);
  const Image small = decode_image(encode_png(part));
  EXPECT_EQ(small.width(), 11);
  EXPECT_EQ(pixel_of(small, 5, 6), pixel_of(picture, 8, 10));
  expect_error(ErrorCode::kInvalidArgument, "", [] { encode_png({}); });
}

}  // namespace
}  // namespace glint
