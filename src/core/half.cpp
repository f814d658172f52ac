#include "core/half.h"

#include <bit>

namespace glint {

float half_to_float(std::uint16_t half) {
  const std::uint32_t sign = std::uint32_t{half & 0x8000u} << 16;
  const std::uint32_t exponent = half >> 10 & 31u;
  const std::uint32_t fraction = half & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  // Zero or subnormal: fraction * 2^-24, which every float holds.
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

std::optional<std::uint16_t> exact_half(float value) {
  constexpr std::uint32_t kFraction = 0x007fffff;
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000u);
  const int exponent = static_cast<int>(bits >> 23 & 255u) - 127;
  std::uint32_t magnitude = 0;
  int lost = 13;  // bits of the fraction that a half does not have
  if (exponent > 15) return std::nullopt;
  if (exponent >= -14) {
    magnitude = static_cast<std::uint32_t>(exponent + 15) << 23 | (bits & kFraction);
  } else if (exponent >= -24) {
    lost += -14 - exponent;
    magnitude = (bits & kFraction) | (kFraction + 1);
  } else if ((bits & 0x7fffffffu) != 0) {
    return std::nullopt;
  }
  if ((magnitude & ((1u << lost) - 1)) != 0) return std::nullopt;
  return static_cast<std::uint16_t>(sign | magnitude >> lost);
}

}  // namespace glint
