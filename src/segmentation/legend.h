// The labels of a picture, their colours and shares, as lines below it.
#pragma once

#include <glint/segmentation.h>

#include <cstdint>
#include <string>
#include <vector>

#include "segmentation/canvas.h"

namespace glint {

class Legend {
 public:
  // Labels that occur, by descending share. `plain` gets an empty box. At most 24 labels; the
  // others are counted in a last entry.
  Legend(const Segmentation& segmentation, const std::vector<Colour>& colours,
         const std::string& plain);

  // Sides of the picture with this below.
  std::int64_t width() const { return width_; }
  std::int64_t height() const { return height_; }
  void draw(Canvas& canvas, std::int64_t top) const;

 private:
  struct Entry {
    std::string text;
    Colour colour{};
    bool empty = false;  // its box
    bool boxed = true;
    std::int64_t left = 0, top = 0;
  };
  void add(std::string text, Colour colour, bool empty, bool boxed);
  std::int64_t width_of(const Entry& entry) const;
  void place(std::int64_t width);

  std::int64_t dot_;  // pixels
  std::int64_t width_, height_ = 0;
  std::vector<Entry> entries_;
};

}  // namespace glint
