// PNG files in memory, through libpng.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace glint {

// What a PNG holds.
struct PngSamples {
  const std::uint8_t* rows = nullptr;  // tightly packed; samples of 16 bits are big-endian
  std::int64_t width = 0;              // pixels, that libpng takes
  std::int64_t height = 0;             // likewise
  int channels = 0;                    // 1: grey, 3: RGB
  int depth = 0;                       // bits a sample: 8 or 16
  bool filters =
      false;  // libpng's choice of differences to neighbours: for photos, not for indices
};

// Throws Error(kOutOfMemory), and std::bad_alloc.
std::vector<std::byte> write_png(const PngSamples& samples);

}  // namespace glint
