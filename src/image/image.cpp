#include <glint/image.h>

#include <algorithm>
#include <new>
#include <utility>

#include "core/check.h"
#include "image/view.h"

namespace glint {

std::int64_t channels(PixelMode mode) {
  switch (mode) {
    case PixelMode::kL:
    case PixelMode::kP:
      return 1;
    case PixelMode::kLA:
      return 2;
    case PixelMode::kRGB:
    case PixelMode::kBGR:
      return 3;
    case PixelMode::kRGBA:
    case PixelMode::kBGRA:
    case PixelMode::kCMYK:
      return 4;
  }
  fail(ErrorCode::kInvalidArgument, "image: unknown pixel mode ", static_cast<int>(mode));
}

Image::Image(std::int64_t width, std::int64_t height, PixelMode mode,
             std::vector<std::uint8_t> pixels, std::vector<std::uint8_t> palette)
    : width_(width),
      height_(height),
      mode_(mode),
      pixels_(std::move(pixels)),
      palette_(std::move(palette)) {
  check_sides(width, height);
  // Compared by division: the product of two sides and four channels may not fit.
  const std::int64_t row_bytes = width * channels(mode);
  const auto bytes = static_cast<std::int64_t>(pixels_.size());
  if (bytes / row_bytes != height || bytes % row_bytes != 0) {
    fail(ErrorCode::kInvalidArgument, "image: expected ", width, " x ", height, " pixels of ",
         channels(mode), " bytes, got ", bytes, " bytes");
  }
  check_view(view());
}

ImageView Image::view() const& {
  return {.data = pixels_.data(),
          .width = width_,
          .height = height_,
          .row_stride_bytes = width_ * channels(mode_),
          .mode = mode_,
          .palette = palette_};
}

ImageView crop(const ImageView& image, std::int64_t x, std::int64_t y, std::int64_t width,
               std::int64_t height) {
  check_view(image);
  const auto within = [](std::int64_t start, std::int64_t size, std::int64_t whole) {
    return size >= 1 && size <= whole && start >= 0 && start <= whole - size;
  };
  if (!within(x, width, image.width) || !within(y, height, image.height)) {
    fail(ErrorCode::kInvalidArgument, "image: expected a region within ", image.width, " x ",
         image.height, " pixels, got ", width, " x ", height, " at (", x, ", ", y, ")");
  }
  ImageView region = image;
  region.data += y * image.row_stride_bytes + x * channels(image.mode);
  region.width = width;
  region.height = height;
  return region;
}

Image copy(const ImageView& image) try {
  check_view(image);
  const std::int64_t row_bytes = image.width * channels(image.mode);
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(image.height * row_bytes));
  for (std::int64_t y = 0; y < image.height; ++y) {
    std::copy_n(image.data + y * image.row_stride_bytes, row_bytes, pixels.data() + y * row_bytes);
  }
  std::vector<std::uint8_t> palette;
  if (image.mode == PixelMode::kP) palette.assign(image.palette.begin(), image.palette.end());
  return Image(image.width, image.height, image.mode, std::move(pixels), std::move(palette));
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "image: expected memory to copy ", image.width, " x ", image.height,
       " pixels, got none");
}

void check_sides(std::int64_t width, std::int64_t height) {
  if (width < 1 || height < 1 || width > kMaxSide || height > kMaxSide) {
    fail(ErrorCode::kInvalidArgument, "image: expected sides of 1 to ", kMaxSide, " pixels, got ",
         width, " x ", height);
  }
}

void check_view(const ImageView& view) {
  check_sides(view.width, view.height);
  const auto bad = [](const auto&... what) {
    fail(ErrorCode::kInvalidArgument, "image: expected ", what...);
  };
  const std::int64_t row_bytes = view.width * channels(view.mode);
  constexpr std::int64_t kMaxBytes = std::int64_t{1} << 62;  // offsets of pixels stay below
  if (view.row_stride_bytes < row_bytes || view.row_stride_bytes > kMaxBytes / view.height) {
    bad("a row stride of ", row_bytes, " to ", kMaxBytes / view.height, " bytes, got ",
        view.row_stride_bytes);
  }
  if (view.data == nullptr) bad("pixels, got a null pointer");
  if (view.mode == PixelMode::kP &&
      (view.palette.empty() || view.palette.size() % 3 != 0 || view.palette.size() > 768)) {
    bad("a palette of 1 to 256 RGB triples, got ", view.palette.size(), " bytes");
  }
}

}  // namespace glint
