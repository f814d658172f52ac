// PNG through libpng, in the mode that Pillow gives (PIL PngImagePlugin.py, _MODES):
//
//   grey 1 bit              palette of black and white (decode.h, black_and_white_palette)
//   grey 2, 4, 8 bits       L, scaled to 0 .. 255
//   palette 1 to 8 bits     P
//   grey and alpha, 8       LA;   16: RGBA of the high bytes
//   RGB, RGBA, 8            RGB, RGBA;   16: of the high bytes
//   grey 16 bits            L, round(v / 257): our one departure. Pillow keeps 16 bits (mode I;16)
//                           and then clips them to 255 on the way to RGB, nearly all white.
//
// A transparent colour or palette alpha (tRNS) changes nothing: the way to RGB drops it in Pillow
// too. Gamma and colour profiles are ignored likewise.
#include <algorithm>
#include <vector>

#include "core/check.h"
#include "image/decode.h"
#include "image/exif.h"
#include "image/pixel_memory.h"
#include "image/png_reader.h"

namespace glint {
namespace {

constexpr std::string_view kSignature("\x89PNG\r\n\x1a\n", 8);

bool read_rows(PngReader& self, std::uint8_t* rows, std::size_t stride) {
  if (setjmp(self.jump) != 0) return false;
  const int depth = png_get_bit_depth(self.png, self.info);
  const int type = png_get_color_type(self.png, self.info);
  if (depth == 16) {
    type == PNG_COLOR_TYPE_GRAY ? png_set_scale_16(self.png) : png_set_strip_16(self.png);
  }
  if (depth == 16 && type == PNG_COLOR_TYPE_GRAY_ALPHA) png_set_gray_to_rgb(self.png);
  if (depth < 8 && (type == PNG_COLOR_TYPE_PALETTE || depth == 1)) png_set_packing(self.png);
  if (type == PNG_COLOR_TYPE_GRAY && (depth == 2 || depth == 4)) {
    png_set_expand_gray_1_2_4_to_8(self.png);
  }
  const int passes = png_set_interlace_handling(self.png);
  png_read_update_info(self.png, self.info);
  if (png_get_rowbytes(self.png, self.info) != stride) png_error(self.png, "unexpected row size");
  const png_uint_32 height = png_get_image_height(self.png, self.info);
  for (int pass = 0; pass < passes; ++pass) {
    for (png_uint_32 y = 0; y < height; ++y) png_read_row(self.png, rows + y * stride, nullptr);
  }
  return true;
}

PixelMode mode_of(int color_type, int depth) {
  switch (color_type) {
    case PNG_COLOR_TYPE_GRAY:
      return depth == 1 ? PixelMode::kP : PixelMode::kL;
    case PNG_COLOR_TYPE_GRAY_ALPHA:
      return depth == 16 ? PixelMode::kRGBA : PixelMode::kLA;
    case PNG_COLOR_TYPE_PALETTE:
      return PixelMode::kP;
    case PNG_COLOR_TYPE_RGB:
      return PixelMode::kRGB;
    default:  // PNG_COLOR_TYPE_RGB_ALPHA; libpng knows no other
      return PixelMode::kRGBA;
  }
}

std::vector<std::uint8_t> palette_of(PngReader& self) {
  if (png_get_color_type(self.png, self.info) == PNG_COLOR_TYPE_GRAY) {
    return black_and_white_palette();
  }
  png_colorp entries = nullptr;
  int count = 0;
  if (png_get_PLTE(self.png, self.info, &entries, &count) == 0 || count < 1) {
    fail(ErrorCode::kCorruptImage, "PNG: expected a palette, got none");
  }
  std::vector<std::uint8_t> palette;
  for (int i = 0; i < count; ++i) {
    palette.insert(palette.end(), {entries[i].red, entries[i].green, entries[i].blue});
  }
  return palette;
}

bool is_png(ByteSpan bytes) { return has_text(bytes, 0, kSignature); }

// The text of an iTXt chunk with an XMP packet: after the keyword, two bytes of compression (none),
// and two strings that end with 0. Empty for any other text.
ByteSpan xmp_of_text(ByteSpan body) {
  constexpr std::string_view kKeyword("XML:com.adobe.xmp\0\0\0", 20);
  if (!has_text(body, 0, kKeyword)) return {};
  body = body.subspan(kKeyword.size());
  for (int strings = 0; strings < 2; ++strings) {
    const auto end = std::find(body.begin(), body.end(), std::uint8_t{0});
    if (end == body.end()) return {};
    body = body.subspan(static_cast<std::size_t>(end - body.begin()) + 1);
  }
  return body;
}

// IHDR, and the EXIF chunk and XMP text wherever they stand.
ImageHeader png_header(ByteSpan bytes) {
  const auto width = read_be32(bytes, 16);
  const auto height = read_be32(bytes, 20);
  if (!width || !height || !has_text(bytes, 12, "IHDR")) {
    fail(ErrorCode::kCorruptImage, "PNG: expected an IHDR chunk first, got ", bytes.size(),
         " bytes without it");
  }
  ByteSpan exif, xmp;
  std::size_t at = kSignature.size();
  while (const auto length = read_be32(bytes, at)) {
    const ByteSpan body = tail(bytes, at + 8);
    if (*length > body.size()) break;
    const ByteSpan chunk = body.first(*length);
    if (has_text(bytes, at + 4, "eXIf")) exif = chunk;
    if (has_text(bytes, at + 4, "iTXt") && xmp.empty()) xmp = xmp_of_text(chunk);
    at += 12 + std::size_t{*length};
  }
  return {.width = *width, .height = *height, .orientation = stated_orientation(exif, xmp)};
}

Image decode_png(ByteSpan bytes, const ImageHeader& header) {
  PngReader self;
  require_done(open_png(self, bytes), self);
  const PixelMode mode =
      mode_of(png_get_color_type(self.png, self.info), png_get_bit_depth(self.png, self.info));
  std::vector<std::uint8_t> palette;
  if (mode == PixelMode::kP) palette = palette_of(self);
  const std::int64_t stride = header.width * channels(mode);
  std::vector<std::uint8_t> pixels = pixel_memory(header.height * stride);
  require_done(read_rows(self, pixels.data(), static_cast<std::size_t>(stride)), self);
  return Image(header.width, header.height, mode, std::move(pixels), std::move(palette));
}

}  // namespace

const Codec kPngCodec{"PNG", is_png, png_header, decode_png};

}  // namespace glint
