// The views of a picture that a cache is made of.
#pragma once

#include <glint/adapt.h>
#include <glint/image.h>
#include <glint/preprocess.h>

#include <span>

namespace glint::adapt {

class ViewMaker {
 public:
  // Throws Error(kInvalidArgument) for a preprocess whose 8/7 is too large.
  ViewMaker(const Preprocessor& preprocess, Views views);

  std::int64_t count() const { return view_count(views_); }
  // Numbers of one view: [3, height, width].
  std::int64_t size() const { return 3 * height_ * width_; }
  std::int64_t height() const { return height_; }
  std::int64_t width() const { return width_; }

  // out [count(), 3, height, width] f32. Throws as Preprocessor.
  void operator()(const ImageView& image, std::span<float> out) const;

 private:
  void crop(std::span<const float> whole, std::int64_t y, std::int64_t x,
            std::span<float> out) const;
  void mirror(std::span<const float> view, std::span<float> out) const;

  Views views_;
  std::int64_t height_;
  std::int64_t width_;
  Preprocessor preprocess_;  // for ten-crop: of the larger picture
};

}  // namespace glint::adapt
