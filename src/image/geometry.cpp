#include "image/geometry.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "image/view.h"

namespace glint {
namespace {

// round(n / 2), ties to even, as Python's round in torchvision functional.center_crop.
std::int64_t half_to_even(std::int64_t n) { return n / 2 + (n % 4 == 3 ? 1 : 0); }

std::int64_t checked_side(double side, std::int64_t width, std::int64_t height) {
  if (!(side <= static_cast<double>(kMaxSide))) {
    fail(ErrorCode::kUnsupported, "image: expected an aspect ratio that resizes to sides below ",
         kMaxSide, " pixels, got ", width, " x ", height, " pixels");
  }
  return static_cast<std::int64_t>(side);
}

// torchvision functional._compute_resized_output_size with one size: the long side is
// int(size * long / short), a true division cut off. The product is below 2^53, hence exact.
Placement resize_to_square(std::int64_t size, std::int64_t width, std::int64_t height) {
  const auto [shorter, longer] = std::minmax(width, height);
  const double scaled = static_cast<double>(size * longer) / static_cast<double>(shorter);
  const std::int64_t new_long = checked_side(scaled, width, height);
  return width <= height ? Placement{.resized_width = size, .resized_height = new_long}
                         : Placement{.resized_width = new_long, .resized_height = size};
}

// open_clip transform.ResizeKeepRatio with longest = 0, which image_transform uses for a target
// that is not square: both sides divided by the smaller ratio, rounded to even.
Placement resize_to_cover(const PreprocessSpec& spec, std::int64_t width, std::int64_t height) {
  const double ratio_h = static_cast<double>(height) / static_cast<double>(spec.height);
  const double ratio_w = static_cast<double>(width) / static_cast<double>(spec.width);
  const double ratio = std::min(ratio_h, ratio_w);
  const auto scaled = [&](std::int64_t side) {
    return checked_side(std::nearbyint(static_cast<double>(side) / ratio), width, height);
  };
  return {.resized_width = scaled(width), .resized_height = scaled(height)};
}

}  // namespace

Placement place(const PreprocessSpec& spec, std::int64_t width, std::int64_t height) {
  if (spec.geometry == Geometry::kSquash) {
    return {.resized_width = spec.width, .resized_height = spec.height};
  }
  Placement placement = spec.width == spec.height ? resize_to_square(spec.width, width, height)
                                                  : resize_to_cover(spec, width, height);
  GLINT_CHECK(placement.resized_width >= spec.width && placement.resized_height >= spec.height);
  placement.left = half_to_even(placement.resized_width - spec.width);
  placement.top = half_to_even(placement.resized_height - spec.height);
  return placement;
}

}  // namespace glint
