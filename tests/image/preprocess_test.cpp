#include <glint/preprocess.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <thread>

#include "image/pictures.h"
#include "support/npy.h"

namespace glint::test {
namespace {

PreprocessSpec clip_spec(std::int64_t width, std::int64_t height) {
  return {.width = width,
          .height = height,
          .mean = {0.48145466f, 0.4578275f, 0.40821073f},
          .std = {0.26862954f, 0.26130258f, 0.27577711f}};
}

// A line of preprocess.txt.
struct Case {
  explicit Case(const std::vector<std::string>& line)
      : image(synthetic(mode_named(line[0]), line[1],
                        static_cast<std::uint32_t>(std::stoul(line[2])), std::stoll(line[3]),
                        std::stoll(line[4]))),
        spec(clip_spec(std::stoll(line[5]), std::stoll(line[6]))),
        crc(line[10]) {
    if (line[7] == "squash") spec.geometry = Geometry::kSquash;
    if (line[8] == "bilinear") spec.interpolation = Interpolation::kBilinear;
    if (line[9] == "before") spec.rgb = RgbConversion::kBeforeResize;
  }

  Image image;
  PreprocessSpec spec;
  std::string crc;
};

TEST(PreprocessTest, EqualsOpenClipInEveryMode) {
  const auto lines = golden_lines("preprocess.txt");
  ASSERT_GT(lines.size(), 200u);
  for (const auto& line : lines) {
    const Case golden(line);
    EXPECT_EQ(crc(Preprocessor(golden.spec)(golden.image)), golden.crc)
        << ::testing::PrintToString(line);
  }
}

// A line of crops.txt: the picture, and the preprocess but for what it resizes to.
TEST(PreprocessTest, EqualsTorchvisionWhereTheCropIsSmallerThanTheResize) {
  const auto lines = golden_lines("crops.txt");
  ASSERT_GT(lines.size(), 140u);
  for (const auto& line : lines) {
    const Image image =
        synthetic(mode_named(line[0]), line[1], static_cast<std::uint32_t>(std::stoul(line[2])),
                  std::stoll(line[3]), std::stoll(line[4]));
    PreprocessSpec spec = clip_spec(std::stoll(line[6]), std::stoll(line[6]));
    spec.resize = std::stoll(line[5]);
    if (line[7] == "bilinear") spec.interpolation = Interpolation::kBilinear;
    if (line[8] == "before") spec.rgb = RgbConversion::kBeforeResize;
    EXPECT_EQ(crc(Preprocessor(spec)(image)), line[9]) << ::testing::PrintToString(line);
  }
}

TEST(PreprocessTest, ASideOfTheSizeItselfChangesNothing) {
  for (const auto arithmetic :
       {Arithmetic::kPillow, Arithmetic::kTorchvision, Arithmetic::kOpencv, Arithmetic::kTorch}) {
    const Image image = synthetic(PixelMode::kRGB, "smooth", 4, 90, 61);
    PreprocessSpec spec = clip_spec(24, 24);
    spec.arithmetic = arithmetic;
    spec.interpolation = Interpolation::kBilinear;
    spec.rgb = RgbConversion::kBeforeResize;
    const auto plain = Preprocessor(spec)(image);
    spec.resize = 24;
    EXPECT_EQ(Preprocessor(spec)(image), plain);
    spec.resize = 40;
    const auto larger = Preprocessor(spec)(image);
    EXPECT_NE(larger, plain);
    // The middle of what a preprocess of that size gives.
    PreprocessSpec whole = spec;
    whole.width = whole.height = 40;
    whole.resize = 0;
    const auto middle = Preprocessor(whole)(image);
    for (std::size_t c = 0; c < 3; ++c) {
      for (std::size_t y = 0; y < 24; ++y) {
        for (std::size_t x = 0; x < 24; ++x) {
          ASSERT_EQ(larger[(c * 24 + y) * 24 + x], middle[(c * 40 + y + 8) * 40 + x + 8]);
        }
      }
    }
  }
}

TEST(PreprocessTest, EqualsStoredTensors) {
  const auto lines = golden_lines("preprocess.txt");
  int compared = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::string path = pixels_folder() + "tensors/" + std::to_string(i + 1) + ".npy";
    if (!std::ifstream(path)) continue;
    const auto expected = read_npy<float>(path);
    const Case golden(lines[i]);
    EXPECT_EQ(expected.shape, (std::vector<std::int64_t>{3, 32, 32}));
    EXPECT_EQ(Preprocessor(golden.spec)(golden.image), expected.values) << path;
    ++compared;
  }
  EXPECT_EQ(compared, 6);
}

TEST(PreprocessTest, ReadsBgrAsRgb) {
  const Image rgb = synthetic(PixelMode::kRGB, "noise", 5, 50, 40);
  std::vector<std::uint8_t> swapped(rgb.pixels().begin(), rgb.pixels().end());
  for (std::size_t i = 0; i < swapped.size(); i += 3) std::swap(swapped[i], swapped[i + 2]);
  const Image bgr(50, 40, PixelMode::kBGR, swapped);
  PreprocessSpec spec = clip_spec(32, 32);
  EXPECT_EQ(Preprocessor(spec)(bgr), Preprocessor(spec)(rgb));
  spec.rgb = RgbConversion::kBeforeResize;
  EXPECT_EQ(Preprocessor(spec)(bgr), Preprocessor(spec)(rgb));
}

TEST(PreprocessTest, ReadsBgraAsRgba) {
  const Image rgba = synthetic(PixelMode::kRGBA, "noise", 5, 50, 40);
  std::vector<std::uint8_t> swapped(rgba.pixels().begin(), rgba.pixels().end());
  for (std::size_t i = 0; i < swapped.size(); i += 4) std::swap(swapped[i], swapped[i + 2]);
  const Image bgra(50, 40, PixelMode::kBGRA, swapped);
  PreprocessSpec spec = clip_spec(32, 32);
  EXPECT_EQ(Preprocessor(spec)(bgra), Preprocessor(spec)(rgba));
  spec.rgb = RgbConversion::kBeforeResize;
  EXPECT_EQ(Preprocessor(spec)(bgra), Preprocessor(spec)(rgba));
}

// Every arithmetic reads rows by their stride.
TEST(PreprocessTest, ReadsARegionOfALargerPicture) {
  for (const auto mode : {PixelMode::kL, PixelMode::kRGB, PixelMode::kRGBA, PixelMode::kP}) {
    const Image large = synthetic(mode, "noise", 6, 60, 50);
    for (const auto& [width, height] : {std::pair<int, int>{40, 30}, {32, 32}, {1, 9}}) {
      const ImageView region = crop(large, 7, 5, width, height);
      const Image owned = copy(region);
      for (const auto arithmetic : {Arithmetic::kPillow, Arithmetic::kTorchvision,
                                    Arithmetic::kOpencv, Arithmetic::kTorch}) {
        PreprocessSpec spec = clip_spec(16, 16);
        spec.arithmetic = arithmetic;
        spec.interpolation = Interpolation::kBilinear;
        spec.rgb = RgbConversion::kBeforeResize;
        EXPECT_EQ(Preprocessor(spec)(region), Preprocessor(spec)(owned));
      }
    }
  }
}

TEST(PreprocessTest, BlackAndWhiteEdgesStayWithinRange) {
  const Image edges = synthetic(PixelMode::kRGB, "steps", 1, 90, 70);
  for (const auto arithmetic : {Arithmetic::kPillow, Arithmetic::kTorchvision}) {
    PreprocessSpec spec{.width = 200, .height = 150, .mean = {}, .std = {1, 1, 1}};
    spec.geometry = Geometry::kSquash;
    spec.arithmetic = arithmetic;
    spec.rgb = RgbConversion::kBeforeResize;
    const auto pixels = Preprocessor(spec)(edges);
    const auto [low, high] = std::ranges::minmax(pixels);
    EXPECT_EQ(low, 0.0f);
    EXPECT_EQ(high, 1.0f);
  }
}

TEST(PreprocessTest, AOneBitPictureIsPaddedAsPillowPadsModeOne) {
  // Pillow's mode "1": 0 is black, any other fill white.
  const Image image = decode_image(golden_file("grey1.png"));
  PreprocessSpec spec{.width = 3, .height = 40, .mean = {}, .std = {1, 1, 1}};
  spec.geometry = Geometry::kLongest;
  for (const int fill : {0, 1, 9, 255}) {
    spec.fill = static_cast<std::uint8_t>(fill);
    EXPECT_EQ(Preprocessor(spec)(image).front(), fill == 0 ? 0.0f : 1.0f);
  }
}

TEST(PreprocessTest, AnIndexBeyondThePaletteIsBlack) {
  const Image image(1, 1, PixelMode::kP, {9}, {10, 20, 30});
  const auto pixels = Preprocessor({.width = 1, .height = 1, .mean = {}, .std = {1, 1, 1}})(image);
  EXPECT_EQ(pixels, (std::vector<float>{0, 0, 0}));
}

TEST(PreprocessTest, RefusesImpossibleViews) {
  const Preprocessor preprocess(clip_spec(8, 8));
  const std::vector<std::uint8_t> bytes(300, 1);
  const ImageView good{.data = bytes.data(), .width = 10, .height = 10, .row_stride_bytes = 30};
  EXPECT_FALSE(error_of([&] { preprocess(good); }));
  const auto refused = [&](auto change) {
    ImageView view = good;
    change(view);
    const auto error = error_of([&] { preprocess(view); });
    return error && error->code() == ErrorCode::kInvalidArgument;
  };
  constexpr auto huge = std::numeric_limits<std::int64_t>::max();
  EXPECT_TRUE(refused([](ImageView& v) { v.data = nullptr; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.row_stride_bytes = 0; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.row_stride_bytes = 29; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.row_stride_bytes = -30; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.row_stride_bytes = huge; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.width = 0; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.height = -1; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.width = huge; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.height = huge; }));
  EXPECT_TRUE(refused([](ImageView& v) { v.mode = static_cast<PixelMode>(77); }));
  EXPECT_TRUE(refused([](ImageView& v) { v.mode = PixelMode::kP; }));  // no palette
}

TEST(PreprocessTest, RefusesRoomOfAnotherSize) {
  const Preprocessor preprocess(clip_spec(8, 8));
  const Image image = synthetic(PixelMode::kL, "noise", 7, 9, 9);
  std::vector<float> room(3 * 8 * 8 + 1);
  EXPECT_TRUE(error_of([&] { preprocess(image, room); }));
  EXPECT_TRUE(error_of([&] { preprocess(image, std::span(room).first(5)); }));
  EXPECT_FALSE(error_of([&] { preprocess(image, std::span(room).first(3 * 8 * 8)); }));
}

TEST(PreprocessTest, RefusesASpecOutOfRangeAndNamesTheField) {
  const auto message = [](auto change) -> std::string {
    PreprocessSpec spec = clip_spec(8, 8);
    change(spec);
    const auto error = error_of([&] { Preprocessor{spec}; });
    return error && error->code() == ErrorCode::kInvalidArgument ? error->what() : "";
  };
  const auto names = [](const std::string& text, const char* field) {
    return text.find(field) != std::string::npos;
  };
  EXPECT_TRUE(names(message([](auto& s) { s.width = 0; }), "width"));
  EXPECT_TRUE(names(message([](auto& s) { s.height = -4; }), "height"));
  EXPECT_TRUE(names(message([](auto& s) { s.height = kMaxTargetSide + 1; }), "height"));
  EXPECT_TRUE(names(message([](auto& s) { s.mean[1] = std::numeric_limits<float>::quiet_NaN(); }),
                    "mean[1]"));
  EXPECT_TRUE(names(message([](auto& s) { s.std[2] = 0; }), "std[2]"));
  EXPECT_TRUE(names(message([](auto& s) { s.std[0] = -1; }), "std[0]"));
  EXPECT_TRUE(names(message([](auto& s) { s.geometry = Geometry{9}; }), "geometry"));
  EXPECT_TRUE(names(message([](auto& s) { s.interpolation = Interpolation{9}; }), "interpolation"));
  EXPECT_TRUE(names(message([](auto& s) { s.rgb = RgbConversion{9}; }), "rgb"));
  EXPECT_TRUE(names(message([](auto& s) { s.arithmetic = Arithmetic{9}; }), "arithmetic"));
  EXPECT_TRUE(names(message([](auto& s) { s.crop = CropRounding{-1}; }), "crop"));
  EXPECT_TRUE(names(message([](auto& s) { s.rescale = Rescale{9}; }), "rescale"));
  EXPECT_TRUE(names(message([](auto& s) { s.channels = ChannelOrder{9}; }), "channels"));
  EXPECT_TRUE(names(message([](auto& s) { s.align_corners = true; }), "align_corners"));
  EXPECT_TRUE(names(message([](auto& s) { s.arithmetic = Arithmetic::kTorchvision; }), "rgb"));
  for (const std::int64_t side : {-1, 7, 4097}) {
    EXPECT_TRUE(names(message([=](auto& s) { s.resize = side; }), "resize from 8")) << side;
  }
  EXPECT_TRUE(names(message([](auto& s) { s.resize = 9, s.width = 7; }), "resize only"));
  EXPECT_TRUE(
      names(message([](auto& s) { s.resize = 9, s.geometry = Geometry::kSquash; }), "resize only"));
  const auto with = [&](Arithmetic arithmetic) {
    return message([=](auto& s) {
      s.arithmetic = arithmetic;
      s.rgb = RgbConversion::kBeforeResize;
    });
  };
  EXPECT_TRUE(names(with(Arithmetic::kOpencv), "interpolation"));
  EXPECT_TRUE(names(with(Arithmetic::kTorch), "interpolation"));
  EXPECT_EQ(with(Arithmetic::kTorchvision), "");
}

// One row or column of `pixels` grey pixels.
ImageView line(const std::vector<std::uint8_t>& pixels, bool wide) {
  const std::int64_t size = std::ssize(pixels);
  return {.data = pixels.data(),
          .width = wide ? size : 1,
          .height = wide ? 1 : size,
          .row_stride_bytes = wide ? size : 1,
          .mode = PixelMode::kL};
}

TEST(PreprocessTest, RefusesAnAbsurdAspectRatioBeforeAllocating) {
  const std::vector<std::uint8_t> pixels(50'000'000, 3);
  for (const bool wide : {true, false}) {
    const auto error = error_of([&] { Preprocessor(clip_spec(224, 224))(line(pixels, wide)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(error->code(), ErrorCode::kUnsupported);
  }
}

TEST(PreprocessTest, FitsLongLinesWithinItsMemory) {
  const std::vector<std::uint8_t> pixels(1'000'000, 255);
  PreprocessSpec spec{.width = 16, .height = 16, .mean = {}, .std = {1, 1, 1}};
  const std::vector<float> white(3 * 16 * 16, 1.0f);
  for (const auto geometry : {Geometry::kShortest, Geometry::kSquash}) {
    spec.geometry = geometry;
    for (const bool wide : {true, false}) EXPECT_EQ(Preprocessor(spec)(line(pixels, wide)), white);
  }
}

TEST(PreprocessTest, ManyThreadsGetTheSerialResult) {
  const Preprocessor preprocess(clip_spec(32, 32));
  const Image image = synthetic(PixelMode::kRGBA, "noise", 8, 70, 50);
  const auto expected = preprocess(image);
  std::vector<std::vector<float>> results(4);
  std::vector<std::thread> threads;
  for (auto& result : results) {
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) result = preprocess(image);
    });
  }
  for (auto& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

}  // namespace
}  // namespace glint::test
