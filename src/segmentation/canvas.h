// An RGB picture to draw on.
#pragma once

#include <glint/segmentation.h>

#include <cstdint>
#include <string_view>
#include <vector>

namespace glint {

class Canvas {
 public:
  // White. Throws std::bad_alloc.
  Canvas(std::int64_t width, std::int64_t height);

  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  std::uint8_t* row(std::int64_t y) { return pixels_.data() + 3 * y * width_; }

  // What lies outside of the canvas is left out.
  void fill(std::int64_t left, std::int64_t top, std::int64_t width, std::int64_t height,
            Colour colour);
  // ASCII, in letters of 5 x 8 dots of `dot` x `dot` pixels.
  void write(std::int64_t left, std::int64_t top, std::string_view text, std::int64_t dot,
             Colour colour);

  Image take() &&;

 private:
  std::int64_t width_, height_;
  std::vector<std::uint8_t> pixels_;
};

}  // namespace glint
