// The EXIF orientation tag and what it asks for.
#pragma once

#include <glint/image.h>

#include "image/byte_reader.h"

namespace glint {

// The orientation 1 to 8 that a file states, 1 when it states none or one out of range. As Pillow's
// Image.getexif: the tag of the EXIF block (a TIFF stream, with or without "Exif\0\0" before it),
// or, when that has no such tag, tiff:Orientation in the XMP packet. Either may be empty.
int stated_orientation(ByteSpan exif, ByteSpan xmp);

// The picture turned upright; equal to PIL.ImageOps.exif_transpose. Orientation 1 to 8.
Image apply_orientation(Image image, int orientation);

}  // namespace glint
