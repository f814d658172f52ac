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
  if (!(side >= 1 && side <= static_cast<double>(kMaxSide))) {
    fail(ErrorCode::kUnsupported, "image: expected an aspect ratio that resizes to sides of 1 to ",
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

// open_clip transform.ResizeKeepRatio: both sides divided by one ratio, rounded to even. With
// longest = 1 that is the larger ratio, with longest = 0 (which image_transform uses for a target
// that is not square) the smaller one.
Placement resize_keeping_ratio(const PreprocessSpec& spec, std::int64_t width,
                               std::int64_t height) {
  const double ratio_h = static_cast<double>(height) / static_cast<double>(spec.height);
  const double ratio_w = static_cast<double>(width) / static_cast<double>(spec.width);
  const bool longest = spec.geometry == Geometry::kLongest;
  const double ratio = longest ? std::max(ratio_h, ratio_w) : std::min(ratio_h, ratio_w);
  const auto scaled = [&](std::int64_t side) {
    return checked_side(std::nearbyint(static_cast<double>(side) / ratio), width, height);
  };
  return {.resized_width = scaled(width), .resized_height = scaled(height)};
}

Placement resize(const PreprocessSpec& spec, std::int64_t width, std::int64_t height) {
  switch (spec.geometry) {
    case Geometry::kSquash:
      return {.resized_width = spec.width, .resized_height = spec.height};
    case Geometry::kLongest:
      return resize_keeping_ratio(spec, width, height);
    case Geometry::kShortest:
      break;
  }
  if (spec.width != spec.height) return resize_keeping_ratio(spec, width, height);
  return resize_to_square(spec.resize == 0 ? spec.width : spec.resize, width, height);
}

}  // namespace

Placement place(const PreprocessSpec& spec, std::int64_t width, std::int64_t height) {
  Placement placement = resize(spec, width, height);
  const std::int64_t beyond_x = placement.resized_width - spec.width;
  const std::int64_t beyond_y = placement.resized_height - spec.height;
  const bool longest = spec.geometry == Geometry::kLongest;
  GLINT_CHECK(longest ? beyond_x <= 0 && beyond_y <= 0 : beyond_x >= 0 && beyond_y >= 0);
  placement.width = std::min(spec.width, placement.resized_width);
  placement.height = std::min(spec.height, placement.resized_height);
  if (longest) {  // open_clip transform.center_crop_or_pad: the smaller half to the left and top
    placement.pad_left = -beyond_x / 2;
    placement.pad_top = -beyond_y / 2;
  } else {
    const bool down = spec.crop == CropRounding::kDown;
    placement.left = down ? beyond_x / 2 : half_to_even(beyond_x);
    placement.top = down ? beyond_y / 2 : half_to_even(beyond_y);
  }
  return placement;
}

}  // namespace glint
