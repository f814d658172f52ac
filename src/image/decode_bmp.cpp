// BMP, read here: the format is a header and rows, and the picture must keep its palette, which
// general decoders expand. Layouts, defaults and oddities are those of PIL BmpImagePlugin.py:
// a grey palette makes mode L, the fourth byte of a plain 32-bit pixel is not alpha, and the sign
// of the height is taken from its top byte. Run-length coded files are unsupported.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "core/check.h"
#include "image/decode.h"
#include "image/pixel_memory.h"

namespace glint {
namespace {

constexpr std::size_t kFileHeaderBytes = 14;
enum Compression : std::uint32_t { kRaw = 0, kBitFields = 3 };

struct BmpLayout {
  std::int64_t width = 0;
  std::int64_t height = 0;
  bool top_down = false;
  std::uint32_t bits = 0;  // a pixel
  std::uint32_t compression = kRaw;
  std::uint32_t colors = 0;  // entries of the palette
  std::size_t palette_entry_bytes = 4;
  std::array<std::uint32_t, 4> masks{};  // R, G, B, A
  std::size_t palette_at = 0;
  std::size_t pixels_at = 0;
};

[[noreturn]] void truncated() {
  fail(ErrorCode::kCorruptImage, "BMP: expected more data, got the end of a truncated file");
}

std::uint32_t u16(ByteSpan bytes, std::size_t at) {
  const auto value = read_le16(bytes, at);
  return value ? *value : (truncated(), 0u);
}

std::uint32_t u32(ByteSpan bytes, std::size_t at) {
  const auto value = read_le32(bytes, at);
  return value ? *value : (truncated(), 0u);
}

void read_sizes(ByteSpan bytes, std::uint32_t header_size, BmpLayout& layout) {
  if (header_size == 12) {
    layout.width = u16(bytes, 18);
    layout.height = u16(bytes, 20);
    layout.bits = u16(bytes, 24);
    layout.palette_entry_bytes = 3;
    return;
  }
  layout.width = u32(bytes, 18);
  layout.height = u32(bytes, 22);
  layout.top_down = bytes[25] == 0xff;
  if (layout.top_down) layout.height = (std::int64_t{1} << 32) - layout.height;
  layout.bits = u16(bytes, 28);
  layout.compression = u32(bytes, 30);
  layout.colors = u32(bytes, 46);
}

// Headers of 52 bytes and more hold the masks; after one of 40 bytes three of them follow.
void read_masks(ByteSpan bytes, std::uint32_t header_size, BmpLayout& layout) {
  const std::size_t count = header_size >= 56 ? 4 : 3;
  for (std::size_t i = 0; i < count; ++i) layout.masks[i] = u32(bytes, 54 + 4 * i);
  if (header_size < 52) layout.palette_at += 12;
}

BmpLayout read_layout(ByteSpan bytes) {
  const std::uint32_t header_size = u32(bytes, kFileHeaderBytes);
  const std::array known{12u, 40u, 52u, 56u, 64u, 108u, 124u};
  if (std::find(known.begin(), known.end(), header_size) == known.end()) {
    fail(ErrorCode::kUnsupported,
         "BMP: expected a header of 12, 40, 52, 56, 64, 108 or 124 bytes, ", "got ", header_size);
  }
  const std::size_t header_end = kFileHeaderBytes + header_size;
  if (bytes.size() < header_end) truncated();
  BmpLayout layout{.palette_at = header_end};
  read_sizes(bytes, header_size, layout);
  if (layout.compression == kBitFields) read_masks(bytes, header_size, layout);
  const bool indexed = layout.bits <= 8;
  if (layout.colors == 0 && indexed) layout.colors = 1u << layout.bits;
  if (indexed && layout.colors > 256) {
    fail(ErrorCode::kUnsupported, "BMP: expected at most 256 colours, got ", layout.colors);
  }
  const std::size_t palette_bytes = indexed ? layout.colors * layout.palette_entry_bytes : 0;
  layout.pixels_at = u32(bytes, 10);
  if (layout.pixels_at == 0) {
    layout.pixels_at = layout.palette_at + palette_bytes;
  } else if (layout.pixels_at == header_end) {
    layout.pixels_at += palette_bytes;
  }
  return layout;
}

void require_known_layout(const BmpLayout& layout) {
  const std::array known{1u, 4u, 8u, 16u, 24u, 32u};
  if (std::find(known.begin(), known.end(), layout.bits) == known.end()) {
    fail(ErrorCode::kUnsupported, "BMP: expected 1, 4, 8, 16, 24 or 32 bits a pixel, got ",
         layout.bits);
  }
  if (layout.compression != kRaw && (layout.compression != kBitFields || layout.bits <= 8)) {
    fail(ErrorCode::kUnsupported, "BMP: expected uncompressed pixels, got compression ",
         layout.compression, " at ", layout.bits, " bits a pixel");
  }
}

[[noreturn]] void unknown_masks(const BmpLayout& layout) {
  fail(ErrorCode::kUnsupported, "BMP: expected channel masks of a known layout, got red ",
       layout.masks[0], ", green ", layout.masks[1], ", blue ", layout.masks[2], ", alpha ",
       layout.masks[3], " at ", layout.bits, " bits a pixel");
}

// The byte of a 32-bit pixel that `mask` selects whole.
std::optional<int> byte_of_mask(std::uint32_t mask) {
  for (int i = 0; i < 4; ++i) {
    if (mask == 0xffu << 8 * i) return i;
  }
  return std::nullopt;
}

// How direct colours lie in a pixel.
struct Direct {
  PixelMode mode = PixelMode::kRGB;
  std::array<int, 4> byte{2, 1, 0, 3};  // of R, G, B, A; 24 and 32 bits
  bool green_has_6_bits = false;        // 16 bits
};

Direct direct_layout(const BmpLayout& layout) {
  Direct direct;
  if (layout.compression == kRaw) return direct;
  const auto& masks = layout.masks;
  const bool rgb_is = [&](std::uint32_t r, std::uint32_t g, std::uint32_t b) {
    return masks[0] == r && masks[1] == g && masks[2] == b;
  }(0xff0000, 0xff00, 0xff);
  if (layout.bits == 24) {
    if (!rgb_is) unknown_masks(layout);
    return direct;
  }
  if (layout.bits == 16) {
    direct.green_has_6_bits = masks[1] == 0x7e0;
    const std::array<std::uint32_t, 3> expected =
        direct.green_has_6_bits ? std::array<std::uint32_t, 3>{0xf800, 0x7e0, 0x1f}
                                : std::array<std::uint32_t, 3>{0x7c00, 0x3e0, 0x1f};
    if (!std::equal(expected.begin(), expected.end(), masks.begin())) unknown_masks(layout);
    return direct;
  }
  const bool unset = std::ranges::all_of(masks, [](std::uint32_t mask) { return mask == 0; });
  direct.mode = masks[3] != 0 || unset ? PixelMode::kRGBA : PixelMode::kRGB;
  if (unset) return direct;  // B, G, R, A
  const std::size_t count = masks[3] != 0 ? 4 : 3;
  for (std::size_t i = 0; i < count; ++i) {
    const auto byte = byte_of_mask(masks[i]);
    if (!byte) unknown_masks(layout);
    direct.byte[i] = *byte;
  }
  return direct;
}

void unpack_direct(const BmpLayout& layout, const Direct& direct, const std::uint8_t* row,
                   std::uint8_t* out) {
  const std::int64_t count = channels(direct.mode);
  const std::int64_t step = layout.bits / 8;
  for (std::int64_t x = 0; x < layout.width; ++x, row += step, out += count) {
    if (layout.bits == 16) {
      const std::uint32_t pixel = row[0] | static_cast<std::uint32_t>(row[1]) << 8;
      const std::uint32_t green_max = direct.green_has_6_bits ? 63 : 31;
      const std::uint32_t red_shift = direct.green_has_6_bits ? 11 : 10;
      out[0] = static_cast<std::uint8_t>((pixel >> red_shift & 31) * 255 / 31);
      out[1] = static_cast<std::uint8_t>((pixel >> 5 & green_max) * 255 / green_max);
      out[2] = static_cast<std::uint8_t>((pixel & 31) * 255 / 31);
    } else {
      for (std::int64_t c = 0; c < count; ++c) {
        out[c] = row[direct.byte[static_cast<std::size_t>(c)]];
      }
    }
  }
}

void unpack_indices(const BmpLayout& layout, const std::uint8_t* row, std::uint8_t* out) {
  const std::uint32_t per_byte = 8 / layout.bits;
  const std::uint32_t mask = (1u << layout.bits) - 1;
  for (std::int64_t x = 0; x < layout.width; ++x) {
    const auto place = static_cast<std::uint32_t>(x % per_byte);
    const std::uint32_t shift = 8 - layout.bits * (place + 1);
    out[x] = static_cast<std::uint8_t>(row[x / per_byte] >> shift & mask);
  }
}

std::vector<std::uint8_t> read_palette(ByteSpan bytes, const BmpLayout& layout) {
  std::vector<std::uint8_t> palette;
  for (std::uint32_t i = 0; i < layout.colors; ++i) {
    const ByteSpan entry = tail(bytes, layout.palette_at + i * layout.palette_entry_bytes);
    if (entry.size() < layout.palette_entry_bytes) truncated();
    palette.insert(palette.end(), {entry[2], entry[1], entry[0]});
  }
  return palette;
}

// Every entry i is the grey i, so that indices are grey values.
bool is_grey_ramp(const std::vector<std::uint8_t>& palette) {
  for (std::size_t i = 0; i < palette.size(); ++i) {
    if (palette[i] != i / 3) return false;
  }
  return true;
}

bool is_bmp(ByteSpan bytes) { return has_text(bytes, 0, "BM"); }

ImageHeader bmp_header(ByteSpan bytes) {
  const BmpLayout layout = read_layout(bytes);
  require_known_layout(layout);
  return {.width = layout.width, .height = layout.height};
}

Image decode_bmp(ByteSpan bytes, const ImageHeader&) {
  const BmpLayout layout = read_layout(bytes);
  const bool indexed = layout.bits <= 8;
  const Direct direct = indexed ? Direct{} : direct_layout(layout);
  std::vector<std::uint8_t> palette;
  if (indexed) palette = read_palette(bytes, layout);
  // The rows must be there before room is made for the picture; the last one needs no padding.
  const std::int64_t bits = layout.width * layout.bits;
  const std::int64_t stride = (bits + 31) / 32 * 4;
  const ByteSpan data = tail(bytes, layout.pixels_at);
  if (std::cmp_less(data.size(), (layout.height - 1) * stride + (bits + 7) / 8)) truncated();
  const bool grey = indexed && layout.bits == 8 && layout.colors > 2 && is_grey_ramp(palette);
  const PixelMode mode = !indexed ? direct.mode : grey ? PixelMode::kL : PixelMode::kP;
  if (grey) palette.clear();
  if (palette == std::vector<std::uint8_t>{0, 0, 0, 255, 255, 255}) {
    palette = black_and_white_palette();
  }
  const std::int64_t out_stride = layout.width * channels(mode);
  std::vector<std::uint8_t> pixels = pixel_memory(layout.height * out_stride);
  for (std::int64_t y = 0; y < layout.height; ++y) {
    const std::uint8_t* row = data.data() + (layout.top_down ? y : layout.height - 1 - y) * stride;
    std::uint8_t* out = pixels.data() + y * out_stride;
    indexed ? unpack_indices(layout, row, out) : unpack_direct(layout, direct, row, out);
  }
  return Image(layout.width, layout.height, mode, std::move(pixels), std::move(palette));
}

}  // namespace

const Codec kBmpCodec{"BMP", is_bmp, bmp_header, decode_bmp};

}  // namespace glint
