// Label maps as PNG files, among them ones that Pillow wrote (tests/golden/make_label_maps.py).
#include <glint/image.h>
#include <glint/segmentation.h>
#include <gtest/gtest.h>

#include "core/file.h"
#include "support/expect_error.h"

namespace glint {
namespace {

using test::expect_error;

Segmentation counted(std::int64_t width, std::int64_t height, std::int32_t labels) {
  Segmentation answer{width, height, {}, {}};
  for (std::int32_t k = 0; k < labels; ++k) answer.labels.push_back("label " + std::to_string(k));
  for (std::int64_t i = 0; i < width * height; ++i) {
    answer.map.push_back(static_cast<std::int32_t>(i * 7919 % (labels + 1)) - 1);
  }
  return answer;
}

std::vector<std::byte> golden(const std::string& name) {
  return read_file(std::string(GLINT_TEST_DATA) + "/golden/label_maps/" + name, 1 << 20);
}

TEST(LabelMapTest, ComesBackAsItWasWritten) {
  for (const std::int32_t labels : {1, 2, 254, 255, 1000}) {
    const Segmentation answer = counted(53, 41, labels);
    const LabelMap map = decode_label_map(encode_label_map(answer));
    EXPECT_EQ(map.width, 53);
    EXPECT_EQ(map.height, 41);
    EXPECT_EQ(map.map, answer.map) << labels;
  }
}

TEST(LabelMapTest, HasEightBitsForUpTo254Labels) {
  const auto eight = decode_image(encode_label_map(counted(17, 16, 254)));
  EXPECT_EQ(eight.mode(), PixelMode::kL);
  EXPECT_EQ(eight.pixels()[0], 255);  // none
  EXPECT_EQ(eight.pixels()[1], 7919 % 255 - 1);
  const auto depth_of = [](std::int32_t labels) {
    return std::to_integer<int>(encode_label_map(counted(9, 9, labels))[24]);  // of IHDR
  };
  EXPECT_EQ(depth_of(254), 8);
  EXPECT_EQ(depth_of(255), 16);
}

// Each holds 0 1 2 3 in its first row, then 3 2 1 0.
TEST(LabelMapTest, TakesValuesAndPaletteIndicesAsTheyAreStored) {
  for (const char* name :
       {"grey8.png", "grey2.png", "grey16.png", "palette8.png", "palette2.png"}) {
    const LabelMap map = decode_label_map(golden(name));
    EXPECT_EQ(map.width, 4) << name;
    EXPECT_EQ(map.map, (std::vector<std::int32_t>{0, 1, 2, 3, 3, 2, 1, 0})) << name;
  }
  EXPECT_EQ(decode_label_map(golden("none8.png")).map, (std::vector<std::int32_t>{-1, 254}));
  EXPECT_EQ(decode_label_map(golden("none16.png")).map, (std::vector<std::int32_t>{-1, 255}));
}

TEST(LabelMapTest, RefusesOtherFiles) {
  expect_error(ErrorCode::kUnsupported, "in colour or with alpha",
               [] { decode_label_map(golden("colour.png")); });
  expect_error(ErrorCode::kUnsupported, "in colour or with alpha",
               [] { decode_label_map(golden("grey-alpha.png")); });
  const std::vector<std::byte> nothing, zeros(100);
  expect_error(ErrorCode::kCorruptImage, "got 0 bytes", [&] { decode_label_map(nothing); });
  expect_error(ErrorCode::kCorruptImage, "got 100 bytes", [&] { decode_label_map(zeros); });
  expect_error(ErrorCode::kInvalidArgument, "1 to 7 pixels, got 4 x 2",
               [] { decode_label_map(golden("grey8.png"), 7); });
}

TEST(LabelMapTest, RefusesADamagedFileOrReadsIt) {
  const auto sound = encode_label_map(counted(23, 19, 300));
  for (std::size_t i = 0; i < sound.size(); ++i) {
    if (i + 24 < sound.size()) {  // before the end of the pixels and the last chunk
      expect_error(ErrorCode::kCorruptImage, "",
                   [&] { decode_label_map(std::span(sound).first(i)); });
    }
    auto damaged = sound;
    damaged[i] ^= std::byte{0x41};
    try {
      EXPECT_EQ(decode_label_map(damaged).map.size(), 23U * 19U) << i;
    } catch (const Error&) {
    }
  }
}

TEST(LabelMapTest, RefusesASegmentationThatIsNone) {
  const auto bad = ErrorCode::kInvalidArgument;
  const auto refuses = [&](std::string_view part, auto change) {
    Segmentation answer = counted(4, 3, 5);
    change(answer);
    expect_error(bad, part, [&] { encode_label_map(answer); });
  };
  refuses("got 12 pixels for 5 x 3", [](Segmentation& s) { s.width = 5; });
  refuses("for 0 x 3", [](Segmentation& s) { s.width = 0; });
  refuses("indices of 5 labels, got 5", [](Segmentation& s) { s.map[7] = 5; });
  refuses("indices of 5 labels, got -2", [](Segmentation& s) { s.map[7] = -2; });
  refuses("at most 65534 labels", [](Segmentation& s) { s.labels.resize(65'535); });
}

}  // namespace
}  // namespace glint
