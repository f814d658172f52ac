// Noise that the golden scripts draw too.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace glint::test {

// make_adapters.py, noise(): in [-1, 1), exact in f32.
inline std::vector<float> noise(std::uint32_t seed, std::int64_t count) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::uint32_t h = static_cast<std::uint32_t>(i) * 2654435761U + seed;
    h = (h ^ (h >> 16)) * 0x7FEB352DU;
    h = (h ^ (h >> 15)) * 0x846CA68BU;
    h ^= h >> 16;
    values[i] = static_cast<float>(h >> 8) / 8388608.0F - 1;
  }
  return values;
}

}  // namespace glint::test
