// Where the target rectangle lies in a resized picture.
#pragma once

#include <glint/preprocess.h>

#include <cstdint>

namespace glint {

// A picture resized to resized_width x resized_height, of which the target rectangle at
// (left, top) is kept.
struct Placement {
  std::int64_t resized_width = 0;
  std::int64_t resized_height = 0;
  std::int64_t left = 0;
  std::int64_t top = 0;
};

// How a picture of `width` x `height` pixels, both 1 to 2^31 - 1, is fitted into the target of
// `spec`. The resized picture is never smaller than the target. Throws Error(kUnsupported) when a
// side of the resized picture would exceed 2^31 - 1.
Placement place(const PreprocessSpec& spec, std::int64_t width, std::int64_t height);

}  // namespace glint
