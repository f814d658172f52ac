#include "image/fit.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "image/convert.h"
#include "image/resample.h"
#include "image/resize_opencv.h"

namespace glint {
namespace {

constexpr std::int64_t kMaxResizedBytes = std::int64_t{1} << 31;

bool same_size(const ImageView& image, const Placement& placement) {
  return placement.resized_width == image.width && placement.resized_height == image.height;
}

std::vector<std::uint8_t> resize(const PixelReader& reader, const ResizeWindow& window,
                                 const PreprocessSpec& spec, bool nearest) {
  if (nearest) return nearest_window(reader, window, spec.arithmetic);
  if (spec.arithmetic == Arithmetic::kOpencv) return opencv_linear_window(reader, window);
  return resample_window(reader, window, {spec.arithmetic, spec.interpolation});
}

// The kept rectangle of the resized picture.
Patch resize_and_crop(const ImageView& image, const PreprocessSpec& spec,
                      const Placement& placement) {
  const bool rgb_first = spec.rgb != RgbConversion::kAfterResize;
  // Image.resize only copies a picture of the right size, and takes a palette by nearest neighbour.
  const bool nearest = same_size(image, placement) ||
                       spec.interpolation == Interpolation::kNearest ||
                       (image.mode == PixelMode::kP && !rgb_first);
  const bool premultiply = !rgb_first && has_alpha(image.mode) && !nearest;
  const PixelReader reader(image, rgb_first     ? rgb_form(spec)
                                  : premultiply ? RowForm::kPremultiplied
                                                : RowForm::kStored);
  check_resized_bytes(image, placement, reader.channels());
  const ResizeWindow window{.resized_width = placement.resized_width,
                            .resized_height = placement.resized_height,
                            .left = placement.left,
                            .top = placement.top,
                            .width = placement.width,
                            .height = placement.height};
  Patch patch{rgb_first ? PixelMode::kRGB : image.mode, resize(reader, window, spec, nearest)};
  if (premultiply) {
    unpremultiply_row(patch.mode, patch.pixels.data(), placement.width * placement.height,
                      patch.pixels.data());
  }
  return patch;
}

// torchvision pad in the patch's own mode: every band gets `fill`.
Patch pad(const Patch& patch, const PreprocessSpec& spec, const Placement& placement) {
  const std::int64_t pixel = channels(patch.mode);
  const std::int64_t row_bytes = placement.width * pixel;
  const std::int64_t out_stride = spec.width * pixel;
  Patch padded{patch.mode, std::vector<std::uint8_t>(
                               static_cast<std::size_t>(spec.height * out_stride), spec.fill)};
  const std::uint8_t* from = patch.pixels.data();
  std::uint8_t* to =
      padded.pixels.data() + placement.pad_top * out_stride + placement.pad_left * pixel;
  for (std::int64_t y = 0; y < placement.height; ++y, from += row_bytes, to += out_stride) {
    std::copy_n(from, row_bytes, to);
  }
  return padded;
}

}  // namespace

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

Patch fit(const ImageView& image, const PreprocessSpec& spec) {
  const Placement placement = place(spec, image.width, image.height);
  Patch patch = resize_and_crop(image, spec, placement);
  const bool whole = placement.width == spec.width && placement.height == spec.height;
  return whole ? std::move(patch) : pad(patch, spec, placement);
}

}  // namespace glint
