#include "image/convert.h"

#include <algorithm>

#include "core/check.h"

namespace glint {
namespace {

// a * b / 255 rounded to nearest, exactly as Pillow's MULDIV255.
constexpr std::uint32_t multiply_255(std::uint32_t a, std::uint32_t b) {
  const std::uint32_t t = a * b + 128;
  return ((t >> 8) + t) >> 8;
}

// The colour that premultiplying with `alpha` (not 0, not 255) made `value`; rounds down.
constexpr std::uint8_t divide_by_alpha(std::uint32_t value, std::uint32_t alpha) {
  return static_cast<std::uint8_t>(std::min(255u, 255 * value / alpha));
}

void grey_to_rgb(const std::uint8_t* in, std::int64_t step, std::int64_t n, std::uint8_t* out) {
  for (std::int64_t i = 0; i < n; ++i, in += step, out += 3) out[0] = out[1] = out[2] = in[0];
}

void bgr_to_rgb(const std::uint8_t* in, std::int64_t step, std::int64_t n, std::uint8_t* out) {
  for (std::int64_t i = 0; i < n; ++i, in += step, out += 3) {
    out[0] = in[2];
    out[1] = in[1];
    out[2] = in[0];
  }
}

void cmyk_to_rgb(const std::uint8_t* in, std::int64_t n, std::uint8_t* out) {
  for (std::int64_t i = 0; i < n; ++i, in += 4, out += 3) {
    const std::uint32_t white = 255u - in[3];
    for (int c = 0; c < 3; ++c) {  // multiply_255(x, white) <= white, so no clipping is needed
      out[c] = static_cast<std::uint8_t>(white - multiply_255(in[c], white));
    }
  }
}

RowForm simplest(RowForm form, PixelMode mode) {
  if (form == RowForm::kRgbOnWhite && !has_alpha(mode)) form = RowForm::kRgb;
  return form == RowForm::kRgb && mode == PixelMode::kRGB ? RowForm::kStored : form;
}

}  // namespace

bool has_alpha(PixelMode mode) {
  return mode == PixelMode::kLA || mode == PixelMode::kRGBA || mode == PixelMode::kBGRA;
}

void row_to_rgb(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out) {
  switch (mode) {
    case PixelMode::kL:
      return grey_to_rgb(in, 1, n, out);
    case PixelMode::kLA:
      return grey_to_rgb(in, 2, n, out);
    case PixelMode::kRGB:
      std::copy_n(in, 3 * n, out);
      return;
    case PixelMode::kBGR:
      return bgr_to_rgb(in, 3, n, out);
    case PixelMode::kRGBA:
      for (std::int64_t i = 0; i < n; ++i, in += 4, out += 3) std::copy_n(in, 3, out);
      return;
    case PixelMode::kBGRA:
      return bgr_to_rgb(in, 4, n, out);
    case PixelMode::kCMYK:
      return cmyk_to_rgb(in, n, out);
    case PixelMode::kP:
      break;
  }
  GLINT_CHECK(mode != PixelMode::kP);  // a palette goes through PaletteTable
}

void premultiply_row(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out) {
  const std::int64_t step = channels(mode);
  for (std::int64_t i = 0; i < n; ++i, in += step, out += step) {
    const std::uint8_t alpha = in[step - 1];
    for (std::int64_t c = 0; c + 1 < step; ++c) {
      out[c] = static_cast<std::uint8_t>(multiply_255(in[c], alpha));
    }
    out[step - 1] = alpha;
  }
}

void unpremultiply_row(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out) {
  const std::int64_t step = channels(mode);
  for (std::int64_t i = 0; i < n; ++i, in += step, out += step) {
    const std::uint8_t alpha = in[step - 1];
    const bool keep = alpha == 0 || alpha == 255;
    for (std::int64_t c = 0; c + 1 < step; ++c) {
      out[c] = keep ? in[c] : divide_by_alpha(in[c], alpha);
    }
    out[step - 1] = alpha;
  }
}

void row_on_white(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out) {
  row_to_rgb(mode, in, n, out);
  const std::int64_t step = channels(mode);
  for (std::int64_t i = 0; i < n; ++i, in += step) {
    const std::uint32_t alpha = in[step - 1];
    for (int c = 0; c < 3; ++c, ++out) {
      // Divided by 255 with 7 bits more than a byte, as the reference does.
      const std::uint32_t sum = (*out * alpha + 255 * (255 - alpha) + 128) << 7;
      *out = static_cast<std::uint8_t>(((sum >> 8) + sum) >> 15);
    }
  }
}

PaletteTable::PaletteTable(std::span<const std::uint8_t> rgb_triples) {
  std::copy_n(rgb_triples.begin(), std::min(rgb_triples.size(), rgb_.size()), rgb_.begin());
}

void PaletteTable::row_to_rgb(const std::uint8_t* in, std::int64_t n, std::uint8_t* out) const {
  for (std::int64_t i = 0; i < n; ++i, out += 3) std::copy_n(&rgb_[3 * std::size_t{in[i]}], 3, out);
}

PixelReader::PixelReader(const ImageView& view, RowForm form)
    : view_(view),
      form_(simplest(form, view.mode)),
      channels_(form == RowForm::kRgb || form == RowForm::kRgbOnWhite ? 3
                                                                      : glint::channels(view.mode)),
      palette_(view.palette) {
  GLINT_CHECK(form != RowForm::kPremultiplied || has_alpha(view.mode));
}

PixelBlock PixelReader::read(std::int64_t x_begin, std::int64_t x_end, std::int64_t y_begin,
                             std::int64_t y_end, std::vector<std::uint8_t>& scratch) const {
  const std::uint8_t* in =
      view_.data + y_begin * view_.row_stride_bytes + x_begin * glint::channels(view_.mode);
  if (form_ == RowForm::kStored) return {in, view_.row_stride_bytes};
  const std::int64_t stride = (x_end - x_begin) * channels_;
  scratch.resize(static_cast<std::size_t>((y_end - y_begin) * stride));
  std::uint8_t* out = scratch.data();
  for (std::int64_t y = y_begin; y < y_end; ++y, in += view_.row_stride_bytes, out += stride) {
    convert_row(in, x_end - x_begin, out);
  }
  return {scratch.data(), stride};
}

void PixelReader::convert_row(const std::uint8_t* in, std::int64_t n, std::uint8_t* out) const {
  if (form_ == RowForm::kPremultiplied) {
    premultiply_row(view_.mode, in, n, out);
  } else if (form_ == RowForm::kRgbOnWhite) {
    row_on_white(view_.mode, in, n, out);
  } else if (view_.mode == PixelMode::kP) {
    palette_.row_to_rgb(in, n, out);
  } else {
    row_to_rgb(view_.mode, in, n, out);
  }
}

}  // namespace glint
