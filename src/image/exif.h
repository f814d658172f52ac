// The EXIF orientation tag and what it asks for.
#pragma once

#include <glint/image.h>

#include "image/byte_reader.h"

namespace glint {

// The orientation 1 to 8 in an EXIF block (a TIFF stream, with or without "Exif\0\0" before it);
// 1 when it has none, a value out of range, or cannot be read.
int exif_orientation(ByteSpan exif);

// The picture turned upright; equal to PIL.ImageOps.exif_transpose. Orientation 1 to 8.
Image apply_orientation(Image image, int orientation);

}  // namespace glint
