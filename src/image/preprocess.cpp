// Picture -> pixels. In 8-bit arithmetic: fit the picture into the target rectangle (image/fit.h),
// then normalise. In torch's: normalise, then interpolate in f32.
#include <glint/preprocess.h>

#include <cmath>
#include <new>
#include <utility>

#include "core/check.h"
#include "image/convert.h"
#include "image/fit.h"
#include "image/normalize.h"
#include "image/resize_torch.h"
#include "image/view.h"

namespace glint {
namespace {

template <typename... What>
[[noreturn]] void bad(const What&... what) {
  fail(ErrorCode::kInvalidArgument, "preprocess: expected ", what...);
}

// Every enumerator up to `last` is a value that a spec may have.
template <typename Enum>
void check_enum(Enum value, Enum last, const char* name) {
  if (static_cast<int>(value) < 0 || value > last) {
    bad("a known ", name, ", got number ", static_cast<int>(value));
  }
}

void check_arithmetic(const PreprocessSpec& spec) {
  const bool pillow = spec.arithmetic == Arithmetic::kPillow;
  const bool torch = spec.arithmetic == Arithmetic::kTorch;
  if (!pillow && spec.rgb == RgbConversion::kAfterResize) {
    bad("rgb before the resize with an arithmetic other than pillow, got after");
  }
  if ((torch || spec.arithmetic == Arithmetic::kOpencv) &&
      spec.interpolation != Interpolation::kBilinear) {
    bad("interpolation bilinear with arithmetic opencv or torch, got another");
  }
  if (spec.align_corners && !torch) bad("align_corners only with arithmetic torch, got it set");
}

void check_resize(const PreprocessSpec& spec) {
  if (spec.resize == 0) return;
  if (spec.geometry != Geometry::kShortest || spec.width != spec.height) {
    bad("resize only with geometry shortest and a square size, got it set");
  }
  if (spec.resize < spec.width || spec.resize > kMaxTargetSide) {
    bad("resize from ", spec.width, " (the size) to ", kMaxTargetSide, ", got ", spec.resize);
  }
}

void check_spec(const PreprocessSpec& spec) {
  for (const auto& [name, side] : {std::pair{"width", spec.width}, {"height", spec.height}}) {
    if (side < 1 || side > kMaxTargetSide) {
      bad(name, " from 1 to ", kMaxTargetSide, ", got ", side);
    }
  }
  check_enum(spec.geometry, Geometry::kLongest, "geometry");
  check_enum(spec.interpolation, Interpolation::kNearest, "interpolation");
  check_enum(spec.arithmetic, Arithmetic::kTorch, "arithmetic");
  check_enum(spec.rgb, RgbConversion::kBeforeOnWhite, "rgb");
  check_enum(spec.crop, CropRounding::kDown, "crop");
  check_enum(spec.rescale, Rescale::kFused, "rescale");
  check_enum(spec.channels, ChannelOrder::kBgr, "channels");
  check_arithmetic(spec);
  check_resize(spec);
  for (std::size_t c = 0; c < 3; ++c) {
    if (!std::isfinite(spec.mean[c])) bad("a finite mean[", c, "], got ", spec.mean[c]);
    if (!std::isfinite(spec.std[c]) || spec.std[c] <= 0) {
      bad("a positive std[", c, "], got ", spec.std[c]);
    }
  }
}

void normalize(const ImageView& image, const PreprocessSpec& spec, const Patch& patch,
               std::span<float> out) {
  const Normalizer normalizer(spec);
  const PaletteTable palette(image.palette);
  const std::int64_t row_bytes = spec.width * channels(patch.mode);
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * spec.width));
  for (std::int64_t y = 0; y < spec.height; ++y) {
    const std::uint8_t* row = patch.pixels.data() + y * row_bytes;
    if (patch.mode == PixelMode::kP) {
      palette.row_to_rgb(row, spec.width, rgb.data());
    } else {
      row_to_rgb(patch.mode, row, spec.width, rgb.data());
    }
    normalizer.row(rgb.data(), spec.width, out.data() + y * spec.width, spec.width * spec.height);
  }
}

// A row of the picture, normalised: three runs of its width. Remembered, since neighbours of the
// result share their rows.
class NormalizedRow {
 public:
  const float* get(const PixelReader& reader, const Normalizer& normalizer, std::int64_t y) {
    if (y != y_) {
      values_.resize(static_cast<std::size_t>(3 * reader.width()));
      const PixelBlock row = reader.read(0, reader.width(), y, y + 1, scratch_);
      normalizer.row(row.data, reader.width(), values_.data(), reader.width());
      y_ = y;
    }
    return values_.data();
  }

 private:
  std::int64_t y_ = -1;
  std::vector<float> values_;
  std::vector<std::uint8_t> scratch_;
};

void normalize_and_interpolate(const ImageView& image, const PreprocessSpec& spec,
                               std::span<float> out) {
  const Placement placement = place(spec, image.width, image.height);
  check_resized_bytes(image, placement, 3 * sizeof(float));
  const PixelReader reader(image, rgb_form(spec));
  const Normalizer normalizer(spec);
  const std::int64_t plane = spec.width * spec.height;
  if (placement.width < spec.width || placement.height < spec.height) {
    const std::vector<std::uint8_t> filled(static_cast<std::size_t>(3 * plane), spec.fill);
    normalizer.row(filled.data(), plane, out.data(), plane);
  }
  const BlendForm form = blend_form(placement.resized_height, placement.resized_width, 0, 3);
  const bool fused = form != BlendForm::kSeparable;
  const auto columns =
      linear_taps({image.width, placement.resized_width, spec.align_corners, fused}, placement.left,
                  placement.left + placement.width);
  const auto rows = linear_taps({image.height, placement.resized_height, spec.align_corners, fused},
                                placement.top, placement.top + placement.height);
  float* to = out.data() + placement.pad_top * spec.width + placement.pad_left;
  NormalizedRow
      cached[2];  // by the parity of the row, so that neighbours do not displace each other
  for (const LinearTap& row : rows) {
    const float* low = cached[row.low % 2].get(reader, normalizer, row.low);
    const float* high = cached[row.high % 2].get(reader, normalizer, row.high);
    for (std::int64_t c = 0; c < 3; ++c) {
      blend_rows(form, low + c * image.width, high + c * image.width, row, columns, to + c * plane);
    }
    to += spec.width;
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
  if (spec_.arithmetic == Arithmetic::kTorch) {
    normalize_and_interpolate(image, spec_, out);
  } else {
    normalize(image, spec_, fit(image, spec_), out);
  }
} catch (const std::bad_alloc&) {
  fail(ErrorCode::kOutOfMemory, "preprocess: expected memory to resize ", image.width, " x ",
       image.height, " pixels, got none");
}

}  // namespace glint
