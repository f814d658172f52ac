// One decoder a format, behind decode_image.
//
// Every format first reads its header with our own code (`info`), so that the size is known and
// checked before a foreign decoder sees a byte; `decode` is then called with that header and gives
// the picture in the mode that Pillow would give.
#pragma once

#include <glint/image.h>

#include <cstdint>
#include <vector>

#include "image/byte_reader.h"

namespace glint {

struct ImageHeader {
  std::int64_t width = 0;
  std::int64_t height = 0;
  int orientation = 1;  // EXIF, 1 to 8
};

struct Codec {
  const char* name;
  bool (*matches)(ByteSpan bytes);             // by the first bytes
  ImageHeader (*read_header)(ByteSpan bytes);  // throws Error kCorruptImage, kUnsupported
  Image (*decode)(ByteSpan bytes, const ImageHeader& header);  // likewise, and std::bad_alloc
};

// Pillow's mode "1" as a palette, since it is resized like one: 0 is black and every other index
// white, so that padding with any fill is what Pillow makes of it.
std::vector<std::uint8_t> black_and_white_palette();

extern const Codec kJpegCodec;  // decode_jpeg.cpp
extern const Codec kPngCodec;   // decode_png.cpp
extern const Codec kWebpCodec;  // decode_webp.cpp
extern const Codec kBmpCodec;   // decode_bmp.cpp

}  // namespace glint
