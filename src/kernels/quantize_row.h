// Weights of 8 bits with a scale a row.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>

namespace glint {

// A row of finite numbers -> the nearest integers of number / scale, ties to even, from -127 to
// 127; the return is the scale, a 127th of the largest absolute value. `to` is as long as the row.
inline float quantize_row(std::span<const float> row, std::int8_t* to) {
  constexpr std::int32_t kMagnitude = 0x7FFFFFFF;
  std::int32_t peak = 0;  // integers' order is that of the absolute values whose bits they are
  for (const float number : row) {
    peak = std::max(peak, std::bit_cast<std::int32_t>(number) & kMagnitude);
  }
  const float scale = std::bit_cast<float>(peak) / 127;
  const float inverse = scale > 0 ? 1 / scale : 0;
  constexpr float kRound = 12582912.0F;  // 1.5 * 2^23: adding it rounds to an integer
  for (std::size_t k = 0; k < row.size(); ++k) {
    const auto rounded = std::bit_cast<std::int32_t>(row[k] * inverse + kRound);
    to[k] = static_cast<std::int8_t>(rounded - std::bit_cast<std::int32_t>(kRound));
  }
  return scale;
}

}  // namespace glint
