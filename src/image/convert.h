// Pillow's conversions between pixel modes, a row at a time, with its integer formulas.
#pragma once

#include <glint/preprocess.h>

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace glint {

// The last byte of a pixel is alpha.
bool has_alpha(PixelMode mode);

// n pixels of `mode` (any but kP) -> n RGB triples. in and out do not overlap.
// Alpha is dropped, as Image.convert("RGB") does. PIL src/libImaging/Convert.c.
void row_to_rgb(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out);

// RGBA -> RGBa, BGRA, LA -> La (colours times alpha / 255, rounded) and back, n pixels.
// in and out may be equal. Convert.c: rgba2rgbA, rgbA2rgba, lA2la, la2lA.
void premultiply_row(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out);
void unpremultiply_row(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out);

// n pixels of a mode with alpha -> n RGB triples over white. in and out do not overlap.
// PIL src/libImaging/AlphaComposite.c, with an opaque white destination.
void row_on_white(PixelMode mode, const std::uint8_t* in, std::int64_t n, std::uint8_t* out);

// A palette padded with black to 256 entries: Pillow gives an index beyond the palette (0, 0, 0).
class PaletteTable {
 public:
  explicit PaletteTable(std::span<const std::uint8_t> rgb_triples);
  // n indices -> n RGB triples. in and out do not overlap.
  void row_to_rgb(const std::uint8_t* in, std::int64_t n, std::uint8_t* out) const;

 private:
  std::array<std::uint8_t, 768> rgb_{};
};

// What is done to a picture's pixels before they are resampled.
enum class RowForm {
  kStored,         // as they are
  kPremultiplied,  // only modes with alpha
  kRgb,            // converted to R, G, B
  kRgbOnWhite,     // likewise, with alpha over white
};

// How a picture becomes RGB where it does so before the resize.
inline RowForm rgb_form(const PreprocessSpec& spec) {
  return spec.rgb == RgbConversion::kBeforeOnWhite ? RowForm::kRgbOnWhite : RowForm::kRgb;
}

// A rectangle of pixels, row y at data + y * stride_bytes.
struct PixelBlock {
  const std::uint8_t* data;
  std::int64_t stride_bytes;
};

// A picture's pixels in a chosen form. Immutable; the picture must outlive it.
class PixelReader {
 public:
  // `view` has passed check_view.
  PixelReader(const ImageView& view, RowForm form);

  std::int64_t width() const { return view_.width; }
  std::int64_t height() const { return view_.height; }
  std::int64_t channels() const { return channels_; }  // of what read() gives

  // The pixels of columns x_begin .. x_end in rows y_begin .. y_end: a part of the picture itself
  // or, where its form must change, of `scratch`. Valid until scratch changes.
  PixelBlock read(std::int64_t x_begin, std::int64_t x_end, std::int64_t y_begin,
                  std::int64_t y_end, std::vector<std::uint8_t>& scratch) const;

 private:
  void convert_row(const std::uint8_t* in, std::int64_t n, std::uint8_t* out) const;

  ImageView view_;
  RowForm form_;
  std::int64_t channels_;
  PaletteTable palette_;
};

}  // namespace glint
