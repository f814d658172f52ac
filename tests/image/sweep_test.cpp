// Hundreds of random preprocesses against their references: golden/make_sweep.py, make_opencv.py.
#include <glint/preprocess.h>
#include <glint/resize.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "image/pictures.h"

namespace glint::test {
namespace {

constexpr PixelMode kModes[] = {PixelMode::kL,   PixelMode::kLA,   PixelMode::kP,
                                PixelMode::kRGB, PixelMode::kRGBA, PixelMode::kCMYK};

// The position of the letter among `letters`, as an enumerator.
template <typename Enum>
Enum enum_of(char letter, std::string_view letters, std::initializer_list<Enum> values) {
  return values.begin()[letters.find(letter)];
}

// golden/pixel_cases.py, LETTERS and Case.line.
PreprocessSpec spec_of(const std::vector<std::string>& line, Arithmetic arithmetic) {
  const std::string& how = line[4];
  return {.width = std::stoll(line[2]),
          .height = std::stoll(line[3]),
          .geometry =
              enum_of(how[0], "sql", {Geometry::kShortest, Geometry::kSquash, Geometry::kLongest}),
          .interpolation =
              enum_of(how[1], "cln",
                      {Interpolation::kBicubic, Interpolation::kBilinear, Interpolation::kNearest}),
          .arithmetic = arithmetic,
          .align_corners = how[6] == '1',
          .rgb = enum_of(how[2], "ab", {RgbConversion::kAfterResize, RgbConversion::kBeforeResize}),
          .crop = enum_of(how[3], "ed", {CropRounding::kHalfToEven, CropRounding::kDown}),
          .fill = static_cast<std::uint8_t>(std::stoi(line[5])),
          .rescale = enum_of(how[4], "df", {Rescale::kDiv255, Rescale::kFused}),
          .channels = enum_of(how[5], "rb", {ChannelOrder::kRgb, ChannelOrder::kBgr}),
          .mean = {0.48145466f, 0.4578275f, 0.40821073f},
          .std = {0.26862954f, 0.26130258f, 0.27577711f}};
}

Image picture_of(const std::vector<std::string>& line, std::size_t number, PixelMode mode) {
  const char* patterns[] = {"noise", "steps", "smooth"};
  return synthetic(mode, patterns[number % 3], static_cast<std::uint32_t>(number),
                   std::stoll(line[0]), std::stoll(line[1]));
}

void expect_equal(const std::string& name, std::size_t count, Arithmetic arithmetic,
                  PixelMode mode) {
  const auto lines = golden_lines("sweep/" + name + ".txt");
  ASSERT_EQ(lines.size(), count);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Image image = picture_of(lines[i], i + 1, mode);
    EXPECT_EQ(crc(Preprocessor(spec_of(lines[i], arithmetic))(image)), lines[i][6])
        << name << ":" << i + 1 << " " << ::testing::PrintToString(lines[i]);
  }
}

TEST(SweepTest, EqualsPillowInEveryMode) {
  const char* names[] = {"L", "LA", "P", "RGB", "RGBA", "CMYK"};
  for (std::size_t i = 0; i < std::size(kModes); ++i) {
    expect_equal(std::string("pillow-") + names[i], 500, Arithmetic::kPillow, kModes[i]);
  }
}

TEST(SweepTest, EqualsTorchvisionOnBytes) {
  expect_equal("torchvision", 500, Arithmetic::kTorchvision, PixelMode::kRGB);
}

TEST(SweepTest, EqualsOpencvLinear) {
  expect_equal("opencv", 500, Arithmetic::kOpencv, PixelMode::kRGB);
}

TEST(SweepTest, EqualsTorchInterpolate) {
  expect_equal("torch", 500, Arithmetic::kTorch, PixelMode::kRGB);
}

// Its torchvision processor (fused) and its Pillow processor (div255). Pictures without alpha:
// those with it transformers 5 lays on white. Its torchvision processor (fused) and its Pillow
// processor (div255). Pictures without alpha: those with it transformers 5 lays on white.
TEST(SweepTest, EqualsHuggingFacesClipProcessors) {
  const auto lines = golden_lines("sweep/hugging.txt");
  ASSERT_EQ(lines.size(), 98u);
  for (const auto& line : lines) {
    const std::size_t number = std::stoul(line[7]);
    PreprocessSpec spec = spec_of(line, Arithmetic::kPillow);
    if (spec.rescale == Rescale::kFused) spec.arithmetic = Arithmetic::kTorchvision;
    spec.rgb = RgbConversion::kBeforeOnWhite;
    const Image image = picture_of(line, number, kModes[number % std::size(kModes)]);
    EXPECT_EQ(crc(Preprocessor(spec)(image)), line[6]) << ::testing::PrintToString(line);
  }
}

// A line of sweep/planes.txt.
struct Planes {
  explicit Planes(const std::vector<std::string>& line)
      : size{std::stoll(line[2]), std::stoll(line[3])},
        out_size{std::stoll(line[4]), std::stoll(line[5])},
        align_corners(line[6] == "1"),
        out(static_cast<std::size_t>(std::stoll(line[1]) * out_size.height * out_size.width)) {
    for (const std::uint8_t byte : noise(static_cast<std::uint32_t>(std::stoul(line[0])),
                                         std::stoll(line[1]) * size.height * size.width)) {
      values.push_back((static_cast<float>(byte) - 128.0f) / 7.0f);
    }
  }

  PlaneSize size, out_size;
  bool align_corners;
  std::vector<float> values, out;
};

TEST(ResizeBilinearTest, EqualsTorchInterpolate) {
  const auto lines = golden_lines("sweep/planes.txt");
  ASSERT_EQ(lines.size(), 200u);
  for (const auto& line : lines) {
    Planes planes(line);
    resize_bilinear(planes.values, planes.size, planes.out, planes.out_size, planes.align_corners);
    EXPECT_EQ(crc(planes.out), line[7]) << ::testing::PrintToString(line);
  }
}

TEST(ResizeBilinearTest, ByHand) {
  const std::vector<float> row{0, 8};
  std::vector<float> out(5);
  resize_bilinear(row, {1, 2}, out, {1, 5}, true);
  EXPECT_EQ(out, (std::vector<float>{0, 2, 4, 6, 8}));
  out.resize(4);
  resize_bilinear(row, {1, 2}, out, {1, 4}, false);
  EXPECT_EQ(out, (std::vector<float>{0, 2, 6, 8}));
}

TEST(ResizeBilinearTest, RefusesSizesAndSpansThatDoNotAgree) {
  const std::vector<float> in(24);
  std::vector<float> out(12);
  const auto refused = [&](std::size_t n, PlaneSize size, std::size_t m, PlaneSize out_size) {
    const auto error = error_of([&] {
      resize_bilinear(std::span(in).first(n), size, std::span(out).first(m), out_size, true);
    });
    return error && error->code() == ErrorCode::kInvalidArgument;
  };
  EXPECT_FALSE(refused(24, {3, 4}, 12, {2, 3}));
  EXPECT_FALSE(refused(0, {3, 4}, 0, {2, 3}));
  EXPECT_TRUE(refused(23, {3, 4}, 12, {2, 3}));
  EXPECT_TRUE(refused(24, {3, 4}, 11, {2, 3}));
  EXPECT_TRUE(refused(24, {3, 4}, 6, {2, 3}));
  EXPECT_TRUE(refused(24, {0, 4}, 12, {2, 3}));
  EXPECT_TRUE(refused(24, {3, -4}, 12, {2, 3}));
  EXPECT_TRUE(refused(24, {3, 4}, 12, {2, std::numeric_limits<std::int64_t>::max()}));
}

TEST(ResizeBilinearTest, NanAndInfinitySpreadAlsoWithWeightZero) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  const std::vector<float> row{1, kInfinity, 3};
  std::vector<float> out(3);
  resize_bilinear(row, {1, 3}, out, {1, 3}, true);  // the size is kept: each sample weighs itself
  EXPECT_EQ(out[0], 1.0f);
  EXPECT_TRUE(std::isnan(out[1]));  // infinity times 0
  EXPECT_EQ(out[2], 3.0f);
}

}  // namespace
}  // namespace glint::test
