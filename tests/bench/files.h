// Pictures as files.
#pragma once

#include <glint/image.h>

#include <cstddef>
#include <vector>

namespace glint::bench {

// JPEG of quality 90 with 4:2:0 chroma, or PNG. `picture` is RGB. Throw std::runtime_error.
std::vector<std::byte> as_jpeg(const Image& picture);
std::vector<std::byte> as_png(const Image& picture);

}  // namespace glint::bench
