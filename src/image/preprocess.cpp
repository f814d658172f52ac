// Picture -> pixels in four steps: place the target rectangle, resample only that rectangle,
// convert to RGB, normalise. A byte has 256 values, so normalising is a table a channel.
#include <glint/preprocess.h>

#include <algorithm>
#include <cmath>
#include <new>
#include <utility>

#include "core/check.h"
#include "image/convert.h"
#include "image/geometry.h"
#include "image/resample.h"
#include "image/view.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxTargetSide = 16384;                    // pixels
constexpr std::int64_t kMaxResizedBytes = std::int64_t{1} << 31;  // of a resized picture

void check_spec(const PreprocessSpec& spec) {
  const auto bad = [](const auto&... what) {
    fail(ErrorCode::kInvalidArgument, "preprocess: expected ", what...);
  };
  for (const auto& [name, side] : {std::pair{"width", spec.width}, {"height", spec.height}}) {
    if (side < 1 || side > kMaxTargetSide) {
      bad(name, " from 1 to ", kMaxTargetSide, ", got ", side);
    }
  }
  if (spec.geometry != Geometry::kShortest && spec.geometry != Geometry::kSquash) {
    bad("geometry shortest or squash, got ", static_cast<int>(spec.geometry));
  }
  if (spec.interpolation != Interpolation::kBilinear &&
      spec.interpolation != Interpolation::kBicubic) {
    bad("interpolation bilinear or bicubic, got ", static_cast<int>(spec.interpolation));
  }
  if (spec.rgb != RgbConversion::kAfterResize && spec.rgb != RgbConversion::kBeforeResize) {
    bad("rgb before or after the resize, got ", static_cast<int>(spec.rgb));
  }
  for (std::size_t c = 0; c < 3; ++c) {
    if (!std::isfinite(spec.mean[c])) bad("a finite mean[", c, "], got ", spec.mean[c]);
    if (!std::isfinite(spec.std[c]) || spec.std[c] <= 0) {
      bad("a positive std[", c, "], got ", spec.std[c]);
    }
  }
}

// Refuses a resized picture, or one between the two passes, beyond reason; it bounds our time, too.
void check_resized_bytes(const ImageView& image, const Placement& placement,
                         std::int64_t channels) {
  const auto [width, height] = std::pair{placement.resized_width, placement.resized_height};
  const bool vertical_first = vertical_pass_first(image.width, image.height, width, height);
  const std::int64_t between = vertical_first ? image.width * height : width * image.height;
  if (std::max(width * height, between) > kMaxResizedBytes / channels) {
    fail(ErrorCode::kUnsupported, "image: expected an aspect ratio that resizes within ",
         kMaxResizedBytes, " bytes, got ", image.width, " x ", image.height, " pixels resized to ",
         width, " x ", height);
  }
}

// A rectangle of pixels, tightly packed.
struct Patch {
  PixelMode mode;
  std::vector<std::uint8_t> pixels;
};

bool has_alpha(PixelMode mode) { return mode == PixelMode::kLA || mode == PixelMode::kRGBA; }

// Image.resize and the crop: the target rectangle in the mode that Pillow would leave it in.
Patch resize_and_crop(const ImageView& image, const PreprocessSpec& spec) {
  const Placement placement = place(spec, image.width, image.height);
  const bool same_size =
      placement.resized_width == image.width && placement.resized_height == image.height;
  const bool rgb_first = spec.rgb == RgbConversion::kBeforeResize;
  // Image.resize copies a picture of the right size, so alpha is not multiplied in and out.
  const bool premultiply = !rgb_first && has_alpha(image.mode) && !same_size;
  const PixelReader reader(image, rgb_first     ? RowForm::kRgb
                                  : premultiply ? RowForm::kPremultiplied
                                                : RowForm::kStored);
  check_resized_bytes(image, placement, reader.channels());
  const ResizeWindow window{.resized_width = placement.resized_width,
                            .resized_height = placement.resized_height,
                            .left = placement.left,
                            .top = placement.top,
                            .width = spec.width,
                            .height = spec.height};
  const bool nearest = same_size || (image.mode == PixelMode::kP && !rgb_first);
  Patch patch{rgb_first ? PixelMode::kRGB : image.mode,
              nearest ? nearest_window(reader, window)
                      : resample_window(reader, window, spec.interpolation)};
  if (premultiply) {
    unpremultiply_row(patch.mode, patch.pixels.data(), spec.width * spec.height,
                      patch.pixels.data());
  }
  return patch;
}

using NormalizeTable = std::array<std::array<float, 256>, 3>;

// torchvision to_tensor (div(255) in f32), then normalize (sub_(mean), then div_(std)).
NormalizeTable normalize_table(const PreprocessSpec& spec) {
  NormalizeTable table;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t v = 0; v < 256; ++v) {
      const float scaled = static_cast<float>(v) / 255.0f;
      const float centred = scaled - spec.mean[c];
      table[c][v] = centred / spec.std[c];
    }
  }
  return table;
}

void normalize(const ImageView& image, const PreprocessSpec& spec, const Patch& patch,
               std::span<float> out) {
  const NormalizeTable table = normalize_table(spec);
  const PaletteTable palette(image.palette);
  const std::int64_t row_bytes = spec.width * channels(patch.mode);
  const std::size_t plane = static_cast<std::size_t>(spec.width * spec.height);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * spec.width));
  float* to = out.data();
  for (std::int64_t y = 0; y < spec.height; ++y) {
    const std::uint8_t* row = patch.pixels.data() + y * row_bytes;
    if (patch.mode == PixelMode::kP) {
      palette.row_to_rgb(row, spec.width, rgb.data());
    } else {
      row_to_rgb(patch.mode, row, spec.width, rgb.data());
    }
    const std::uint8_t* from = rgb.data();
    for (std::int64_t x = 0; x < spec.width; ++x, ++to, from += 3) {
      for (std::size_t c = 0; c < 3; ++c) to[c * plane] = table[c][from[c]];
    }
  }
}

}  // namespace

Preprocessor::Preprocessor(const PreprocessSpec& spec) : spec_(spec) { check_spec(spec_); }

std::vector<float> Preprocessor::operator()(const ImageView& image) const try {
  std::vector<float> pixels(static_cast<std::size_t>(size()));
  (*this)(image, pixels);
  return pixels;
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "preprocess: expected memory for ", size(), " floats, got none");
}

void Preprocessor::operator()(const ImageView& image, std::span<float> out) const try {
  check_view(image);
  if (std::cmp_not_equal(out.size(), size())) {
    fail(ErrorCode::kInvalidArgument, "preprocess: expected room for ", size(), " floats, got ",
         out.size());
  }
  normalize(image, spec_, resize_and_crop(image, spec_), out);
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "preprocess: expected memory to resize ", image.width, " x ",
       image.height, " pixels, got none");
}

}  // namespace glint
