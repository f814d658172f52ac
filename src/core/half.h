// Half precision.
#pragma once

#include <bit>
#include <cstdint>

namespace glint {

// IEEE 754 binary16 -> binary32, exact for every input (a signalling NaN keeps its payload).
float half_to_float(std::uint16_t half);

namespace half {

constexpr std::uint32_t kMagnitude = 0x7fffffff;
constexpr std::uint32_t kLeast = 0x38800000;    // 2^-14, the least that is not subnormal
constexpr std::uint32_t kLargest = 0x477fe000;  // 65504
constexpr std::uint32_t kRebias = 112U << 23;

}  // namespace half

// Whether a half is this finite number. Inlined, without a branch: loops over weights are vectors.
inline bool is_half(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value) & half::kMagnitude;
  const bool subnormal = bits < half::kLeast;
  // A multiple of 2^-24.
  const float count = subnormal ? std::bit_cast<float>(bits) * 0x1p24F : 0;
  const bool whole = static_cast<float>(static_cast<std::int32_t>(count)) == count;
  return whole & (subnormal | ((bits <= half::kLargest) & ((bits & 0x1fff) == 0)));
}

// The half that is this number, for which is_half is true.
inline std::uint16_t to_half(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & half::kMagnitude;
  const bool subnormal = magnitude < half::kLeast;
  const float count = subnormal ? std::bit_cast<float>(magnitude) * 0x1p24F : 0;
  const std::uint32_t narrow = subnormal
                                   ? static_cast<std::uint32_t>(static_cast<std::int32_t>(count))
                                   : (magnitude - half::kRebias) >> 13;
  return static_cast<std::uint16_t>((bits >> 16 & 0x8000U) | narrow);
}

}  // namespace glint
