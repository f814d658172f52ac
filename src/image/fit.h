// A picture fitted into the target rectangle, still in bytes: what is left of Image.resize and the
// crop or padding after it.
#pragma once

#include <glint/preprocess.h>

#include <cstdint>
#include <vector>

#include "image/geometry.h"

namespace glint {

// A rectangle of pixels, tightly packed.
struct Patch {
  PixelMode mode;
  std::vector<std::uint8_t> pixels;
};

// Refuses (kUnsupported) a resized picture, or one between two passes, of more than 2^31 bytes;
// this bounds our time, too.
void check_resized_bytes(const ImageView& image, const Placement& placement, std::int64_t channels);

// The target rectangle of `spec`, whose arithmetic is any but kTorch, in the mode that the
// reference leaves it in: RGB, or the picture's own where it becomes RGB after the resize.
Patch fit(const ImageView& image, const PreprocessSpec& spec);

}  // namespace glint
