// Checks on pictures from outside.
#pragma once

#include <glint/image.h>

#include <cstdint>

namespace glint {

inline constexpr std::int64_t kMaxSide = 0x7fffffff;  // pixels, Pillow's limit too

// Throw Error(kInvalidArgument) unless sides, and stride, pointer and palette, are possible.
void check_sides(std::int64_t width, std::int64_t height);
void check_view(const ImageView& view);

}  // namespace glint
