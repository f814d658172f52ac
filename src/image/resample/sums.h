// Plain weighted sums, for the scalar passes and for what vectors leave over. In an unnamed
// namespace, because files of several instruction sets include it.
#pragma once

#include <cstdint>

namespace glint::resample {
namespace {

// Rounds a sum whose weights have `bits` fractional bits; `sum` has had half() added.
inline std::uint8_t to_byte(std::int32_t sum, int bits) {
  const std::int32_t value = sum >> bits;
  return static_cast<std::uint8_t>(value < 0 ? 0 : value > 255 ? 255 : value);
}

inline std::int32_t half(int bits) { return std::int32_t{1} << (bits - 1); }

// Of `count` bytes, one every `step`.
inline std::uint8_t weigh(const std::uint8_t* bytes, std::int64_t step, const std::int32_t* weights,
                          std::int64_t count, int bits) {
  std::int32_t sum = half(bits);
  for (std::int64_t i = 0; i < count; ++i) sum += bytes[i * step] * weights[i];
  return to_byte(sum, bits);
}

}  // namespace
}  // namespace glint::resample
