// The views of a picture, against the preprocesses that define them.
#include "adapt/views.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "support/expect_error.h"

namespace glint::adapt {
namespace {

PreprocessSpec spec_of(std::int64_t height, std::int64_t width) {
  PreprocessSpec spec;
  spec.height = height;
  spec.width = width;
  spec.mean = {0.5F, 0.5F, 0.5F};
  spec.std = {0.25F, 0.25F, 0.25F};
  return spec;
}

class Drawn {
 public:
  Drawn(std::int64_t width, std::int64_t height)
      : bytes_(static_cast<std::size_t>(3 * width * height)), width_(width), height_(height) {
    for (std::size_t i = 0; i < bytes_.size(); ++i) {
      bytes_[i] = static_cast<std::uint8_t>(i * i * 7 + i * 31);
    }
  }
  ImageView view() const {
    return {
        .data = bytes_.data(), .width = width_, .height = height_, .row_stride_bytes = 3 * width_};
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::int64_t width_, height_;
};

using Pixels = std::vector<float>;

std::vector<Pixels> views_of(const PreprocessSpec& spec, Views views, const ImageView& image) {
  const ViewMaker maker(Preprocessor(spec), views);
  EXPECT_EQ(maker.count(), view_count(views));
  Pixels all(static_cast<std::size_t>(maker.count() * maker.size()));
  maker(image, all);
  std::vector<Pixels> each;
  for (auto at = all.begin(); at != all.end(); at += maker.size()) {
    each.emplace_back(at, at + maker.size());
  }
  return each;
}

float pixel(const Pixels& pixels, std::int64_t height, std::int64_t width, std::int64_t channel,
            std::int64_t y, std::int64_t x) {
  return pixels[static_cast<std::size_t>((channel * height + y) * width + x)];
}

void expect_mirrored(const Pixels& view, const Pixels& mirrored, std::int64_t height,
                     std::int64_t width) {
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t y = 0; y < height; ++y) {
      for (std::int64_t x = 0; x < width; ++x) {
        ASSERT_EQ(pixel(view, height, width, c, y, x),
                  pixel(mirrored, height, width, c, y, width - 1 - x));
      }
    }
  }
}

TEST(ViewsTest, NoneIsThePreprocessItself) {
  const Drawn drawn(40, 30);
  const PreprocessSpec spec = spec_of(14, 21);
  const auto views = views_of(spec, Views::kNone, drawn.view());
  ASSERT_EQ(views.size(), 1U);
  EXPECT_EQ(views[0], Preprocessor(spec)(drawn.view()));
}

TEST(ViewsTest, FlipAddsTheMirroredOne) {
  const Drawn drawn(40, 30);
  const PreprocessSpec spec = spec_of(14, 21);
  const auto views = views_of(spec, Views::kFlip, drawn.view());
  ASSERT_EQ(views.size(), 2U);
  EXPECT_EQ(views[0], Preprocessor(spec)(drawn.view()));
  expect_mirrored(views[0], views[1], 14, 21);
}

// Corners and centre of a picture 8/7 as large, in the order of torchvision's ten_crop: upper left
// and right, lower left and right, centre, and the five mirrored. Where a crop starts is what
// torchvision says: int(round(spare / 2.0)), half to even.
TEST(ViewsTest, TenCropCutsTheLargerPicture) {
  const Drawn drawn(90, 50);
  for (const auto& [side, larger, centre] :
       {std::tuple<std::int64_t, std::int64_t, std::int64_t>{224, 256, 16},
        {14, 16, 1},
        {21, 24, 2},  // spare 3: 1.5 becomes 2
        {7, 8, 0},    // spare 1: 0.5 becomes 0
        {32, 37, 2},  // 36.57; spare 5: 2.5 becomes 2
        {16, 18, 1}}) {
    const auto views = views_of(spec_of(side, side), Views::kTenCrop, drawn.view());
    ASSERT_EQ(views.size(), 10U);
    const Pixels whole = Preprocessor(spec_of(larger, larger))(drawn.view());
    const std::int64_t far = larger - side;
    const std::pair<std::int64_t, std::int64_t> starts[] = {
        {0, 0}, {0, far}, {far, 0}, {far, far}, {centre, centre}};
    for (std::size_t i = 0; i < 5; ++i) {
      const auto [top, left] = starts[i];
      for (std::int64_t c = 0; c < 3; ++c) {
        for (std::int64_t y = 0; y < side; ++y) {
          for (std::int64_t x = 0; x < side; ++x) {
            ASSERT_EQ(pixel(views[i], side, side, c, y, x),
                      pixel(whole, larger, larger, c, top + y, left + x))
                << side << ", view " << i;
          }
        }
      }
      expect_mirrored(views[i], views[i + 5], side, side);
    }
  }
}

TEST(ViewsTest, RefusesWhatIsTooLargeOrUnknown) {
  test::expect_error(ErrorCode::kInvalidArgument, "4096",
                     [] { ViewMaker(Preprocessor(spec_of(4'000, 4'000)), Views::kTenCrop); });
  test::expect_error(ErrorCode::kInvalidArgument, "one of the known views",
                     [] { view_count(static_cast<Views>(7)); });
}

}  // namespace
}  // namespace glint::adapt
