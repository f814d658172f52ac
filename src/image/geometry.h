// How a picture comes to lie in the target rectangle.
#pragma once

#include <glint/preprocess.h>

#include <cstdint>

namespace glint {

// A picture is resized to resized_width x resized_height; its rectangle of width x height at
// (left, top) is kept, and lies at (pad_left, pad_top) in the target. Without padding the kept
// rectangle is the target.
struct Placement {
  std::int64_t resized_width = 0;
  std::int64_t resized_height = 0;
  std::int64_t left = 0;
  std::int64_t top = 0;
  std::int64_t width = 0;
  std::int64_t height = 0;
  std::int64_t pad_left = 0;
  std::int64_t pad_top = 0;
};

// How a picture of `width` x `height` pixels, both 1 to 2^31 - 1, is fitted into the target of
// `spec`. Throws Error(kUnsupported) when a side of the resized picture would exceed 2^31 - 1, or
// vanish.
Placement place(const PreprocessSpec& spec, std::int64_t width, std::int64_t height);

}  // namespace glint
