#include "image/resample.h"

#include <gtest/gtest.h>

#include "image/pictures.h"

namespace glint::test {
namespace {

constexpr ResizeMethod kPillowCubic{Arithmetic::kPillow, Interpolation::kBicubic};

Interpolation kernel_named(const std::string& name) {
  return name == "bilinear" ? Interpolation::kBilinear : Interpolation::kBicubic;
}

// PIL Image.resize, whole.
std::vector<std::uint8_t> resized(const Image& image, std::int64_t width, std::int64_t height,
                                  Interpolation kernel) {
  if (width == image.width() && height == image.height()) {
    return {image.pixels().begin(), image.pixels().end()};
  }
  const bool alpha = image.mode() == PixelMode::kLA || image.mode() == PixelMode::kRGBA;
  const PixelReader reader(image, alpha ? RowForm::kPremultiplied : RowForm::kStored);
  const ResizeWindow all{width, height, 0, 0, width, height};
  if (image.mode() == PixelMode::kP) return nearest_window(reader, all, Arithmetic::kPillow);
  std::vector<std::uint8_t> out = resample_window(reader, all, {Arithmetic::kPillow, kernel});
  if (alpha) unpremultiply_row(image.mode(), out.data(), width * height, out.data());
  return out;
}

TEST(ResampleTest, EqualsPillowInEveryMode) {
  const auto lines = golden_lines("resize.txt");
  ASSERT_GT(lines.size(), 400u);
  for (const auto& line : lines) {
    const Image image =
        synthetic(mode_named(line[0]), line[1], static_cast<std::uint32_t>(std::stoul(line[2])),
                  std::stoll(line[3]), std::stoll(line[4]));
    const auto out =
        resized(image, std::stoll(line[5]), std::stoll(line[6]), kernel_named(line[7]));
    EXPECT_EQ(crc(out), line[8]) << ::testing::PrintToString(line);
  }
}

TEST(WeightsTest, OfASampleSumToOne) {
  for (const auto kernel : {Interpolation::kBilinear, Interpolation::kBicubic}) {
    for (const auto& [in, out] : {std::pair<int, int>{7, 3}, {3, 7}, {1000, 9}, {5, 5}}) {
      for (const int bits : {kPillowWeightBits, aten_weight_bits(in, out, kernel)}) {
        const AxisResize resize{in, out, kernel, bits};
        const AxisWeights axis = axis_weights(resize, 0, out);
        for (const auto& taps : axis.taps) {
          std::int64_t sum = 0;
          for (std::int64_t i = 0; i < taps.count; ++i) {
            sum += axis.weights[static_cast<std::size_t>(taps.offset + i)];
          }
          EXPECT_NEAR(static_cast<double>(sum), 1 << bits, static_cast<double>(taps.count));
          EXPECT_LE(taps.count, max_taps(resize));
        }
      }
    }
  }
}

TEST(WeightsTest, AtenKeepsAsManyBitsAsFitInSixteen) {
  EXPECT_EQ(aten_weight_bits(5, 5, Interpolation::kBilinear), 14);   // the weight 1 is 2^14
  EXPECT_EQ(aten_weight_bits(10, 5, Interpolation::kBilinear), 16);  // at most 3 / 7, at the border
  EXPECT_EQ(aten_weight_bits(1'000'000, 1, Interpolation::kBilinear), 22);
}

TEST(ResampleTest, MuchLostHeightGoesVerticallyFirst) {
  EXPECT_FALSE(vertical_pass_first(78, 104, 38, 24));  // 80 rows, 40 columns
  EXPECT_TRUE(vertical_pass_first(78, 105, 38, 24));
  EXPECT_TRUE(vertical_pass_first(50, 51, 50, 50));
  EXPECT_FALSE(vertical_pass_first(50, 50, 90, 50));
}

TEST(ResampleTest, KeepsAPictureOfTheSameSize) {
  const Image image = synthetic(PixelMode::kRGB, "noise", 1, 9, 4);
  const PixelReader reader(image, RowForm::kStored);
  const auto out = resample_window(reader, {9, 4, 0, 0, 9, 4}, kPillowCubic);
  EXPECT_TRUE(std::ranges::equal(out, image.pixels()));
}

TEST(ResampleTest, HalvesAStepEdgeByHand) {
  // Bilinear by 2: four weights 1, 3, 3, 1 of 8; at the borders those inside the picture.
  const Image image(6, 1, PixelMode::kL, {0, 0, 0, 255, 255, 255});
  const PixelReader reader(image, RowForm::kStored);
  const auto out =
      resample_window(reader, {3, 1, 0, 0, 3, 1}, {Arithmetic::kPillow, Interpolation::kBilinear});
  EXPECT_EQ(out, (std::vector<std::uint8_t>{0, 128, 255}));
}

TEST(ResampleTest, AWindowIsThatPartOfTheWhole) {
  const Image image = synthetic(PixelMode::kRGBA, "noise", 2, 61, 47);
  for (const auto& [width, height] : {std::pair<int, int>{30, 20}, {90, 100}}) {
    const PixelReader reader(image, RowForm::kPremultiplied);
    const ResizeWindow all{width, height, 0, 0, width, height};
    const ResizeWindow part{width, height, 7, 3, 11, 13};
    const auto whole = resample_window(reader, all, kPillowCubic);
    const auto window = resample_window(reader, part, kPillowCubic);
    for (std::int64_t y = 0; y < part.height; ++y) {
      const auto row = whole.begin() + ((part.top + y) * width + part.left) * 4;
      EXPECT_TRUE(std::equal(row, row + part.width * 4, window.begin() + y * part.width * 4));
    }
  }
}

TEST(ResampleTest, TilesDoNotChangeABit) {
  const Image image = synthetic(PixelMode::kRGB, "noise", 3, 83, 71);
  const PixelReader reader(image, RowForm::kStored);
  for (const auto& [width, height] : {std::pair<int, int>{40, 33}, {95, 80}, {3, 60}}) {
    const ResizeWindow all{width, height, 0, 0, width, height};
    const auto whole = resample_window(reader, all, kPillowCubic);
    for (const std::int64_t scratch : {1, 100, 1000, 5000, 20000}) {
      EXPECT_EQ(resample_window(reader, all, kPillowCubic, scratch), whole) << scratch;
    }
  }
}

}  // namespace
}  // namespace glint::test
