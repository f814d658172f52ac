#include "segmentation/canvas.h"

#include <algorithm>

#include "segmentation/font.h"

namespace glint {

Canvas::Canvas(std::int64_t width, std::int64_t height)
    : width_(width), height_(height), pixels_(static_cast<std::size_t>(3 * width * height), 255) {}

void Canvas::fill(std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height,
                  Colour colour) {
  const std::int64_t right = std::min(left + width, width_);
  const std::int64_t bottom = std::min(top + height, height_);
  for (std::int64_t y = std::max<std::int64_t>(top, 0); y < bottom; ++y) {
    for (std::int64_t x = std::max<std::int64_t>(left, 0); x < right; ++x) {
      std::ranges::copy(colour, row(y) + 3 * x);
    }
  }
}

void Canvas::write(std::int64_t left, std::int64_t top, std::string_view text, std::int64_t dot,
                   Colour colour) {
  for (const char c : text) {
    const auto& columns = letter(c);
    for (std::int64_t x = 0; x < kLetterWidth; ++x) {
      for (std::int64_t y = 0; y < kLetterHeight; ++y) {
        if ((columns[static_cast<std::size_t>(x)] >> y & 1) == 0) continue;
        fill(left + x * dot, top + y * dot, dot, dot, colour);
      }
    }
    left += (kLetterWidth + 1) * dot;
  }
}

Image Canvas::take() && { return {width_, height_, PixelMode::kRGB, std::move(pixels_)}; }

}  // namespace glint
