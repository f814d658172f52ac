#include <gtest/gtest.h>

#include <filesystem>
#include <thread>

#include "image/convert.h"
#include "image/pictures.h"

namespace glint::test {
namespace {

std::vector<std::uint8_t> pixels_of(const Image& image) {
  return {image.pixels().begin(), image.pixels().end()};
}

std::vector<std::uint8_t> rgb_of(const Image& image) {
  const std::int64_t count = image.width() * image.height();
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * count));
  if (image.mode() == PixelMode::kP) {
    PaletteTable(image.view().palette).row_to_rgb(image.pixels().data(), count, rgb.data());
  } else {
    row_to_rgb(image.mode(), image.pixels().data(), count, rgb.data());
  }
  return rgb;
}

void expect_equals(const Image& image, const std::vector<std::string>& line) {
  EXPECT_EQ(image.mode(), mode_named(line[1])) << line[0];
  EXPECT_EQ(image.width(), std::stoll(line[2])) << line[0];
  EXPECT_EQ(image.height(), std::stoll(line[3])) << line[0];
  EXPECT_EQ(crc(pixels_of(image)), line[4]) << line[0];
  EXPECT_EQ(crc(rgb_of(image)), line[5]) << line[0];
}

TEST(DecodeTest, EqualsPillowInEveryFormat) {
  const auto lines = golden_lines("decode.txt");
  ASSERT_GT(lines.size(), 50u);
  for (const auto& line : lines) {
    const auto error = error_of([&] { expect_equals(decode_image(golden_file(line[0])), line); });
    EXPECT_FALSE(error) << line[0] << ": " << error->what();
  }
}

TEST(DecodeTest, TurnsAsExifSaysWhenAsked) {
  const auto lines = golden_lines("exif.txt");
  ASSERT_EQ(lines.size(), 20u);
  for (const auto& line : lines) {
    expect_equals(decode_image(golden_file(line[0]), {.apply_exif = true}), line);
  }
}

TEST(DecodeTest, IgnoresExifByDefault) {
  const Image upright = decode_image(golden_file("turned1.jpg"));
  const Image turned = decode_image(golden_file("turned6.jpg"));
  EXPECT_EQ(pixels_of(turned), pixels_of(upright));
  EXPECT_EQ(turned.width(), upright.width());
}

TEST(DecodeTest, RefusesWhatItCannotDoExactly) {
  for (const auto& line : golden_lines("refused.txt")) {
    const auto error = error_of([&] { decode_image(golden_file(line[0])); });
    ASSERT_TRUE(error) << line[0];
    EXPECT_EQ(to_string(error->code()), line[1]) << line[0] << ": " << error->what();
  }
}

TEST(DecodeTest, TransparentColoursChangeNothing) {
  const Image image = decode_image(golden_file("rgb-clear-colour.png"));
  EXPECT_EQ(image.mode(), PixelMode::kRGB);
  EXPECT_EQ(pixels_of(image), pixels_of(synthetic(PixelMode::kRGB, "steps", 21, 20, 10)));
}

TEST(DecodeTest, KeepsPaletteAndIndices) {
  const Image image = decode_image(golden_file("p.png"));
  const Image expected = synthetic(PixelMode::kP, "smooth", 20, 21, 13);
  EXPECT_EQ(pixels_of(image), pixels_of(expected));
  EXPECT_TRUE(std::ranges::equal(image.view().palette, expected.view().palette));
}

TEST(DecodeTest, RefusesMorePixelsThanAllowedFromTheHeader) {
  for (const char* name : {"444.jpg", "rgb.png", "lossless.webp", "lossy.webp",
                           "lossless-alpha.webp", "rgb.bmp", "core-header.bmp"}) {
    const auto bytes = golden_file(name);
    const Image image = decode_image(bytes);
    const std::int64_t pixels = image.width() * image.height();
    EXPECT_FALSE(error_of([&] { decode_image(bytes, {.max_pixels = pixels}); })) << name;
    for (const std::int64_t limit : {pixels - 1, std::int64_t{0}, std::int64_t{-1}}) {
      const auto error = error_of([&] { decode_image(bytes, {.max_pixels = limit}); });
      ASSERT_TRUE(error) << name;
      EXPECT_EQ(error->code(), ErrorCode::kInvalidArgument) << error->what();
    }
  }
}

TEST(DecodeTest, LoadsAFileAndNamesItInErrors) {
  const std::string folder = pixels_folder() + "files/";
  EXPECT_EQ(load_image(folder + "rgb.png").width(), 21);
  const auto unsupported = error_of([&] { load_image(folder + "twelve-bits.jpg"); });
  ASSERT_TRUE(unsupported);
  EXPECT_EQ(unsupported->code(), ErrorCode::kUnsupported);
  EXPECT_NE(std::string(unsupported->what()).find("twelve-bits.jpg"), std::string::npos);
  EXPECT_EQ(error_of([&] { load_image(folder + "none.png"); })->code(), ErrorCode::kNotFound);
  EXPECT_EQ(error_of([&] { load_image(folder); })->code(), ErrorCode::kIo);
}

TEST(DecodeTest, ManyThreadsGetTheSerialResult) {
  const auto lines = golden_lines("decode.txt");
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (const auto& line : lines) expect_equals(decode_image(golden_file(line[0])), line);
    });
  }
  for (auto& thread : threads) thread.join();
}

}  // namespace
}  // namespace glint::test
