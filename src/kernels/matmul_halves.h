// Panels of f16 numbers, half of the bytes that come from memory, with the sums of f32.
#pragma once

#include <immintrin.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "kernels/matmul_tile.h"

namespace glint {
namespace {

inline Floats to_floats(const std::uint32_t* halves) {
#if defined(__AVX512F__)
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves)));
#else
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves)));
#endif
}

struct MultiplyHalves : MultiplyF32 {
  static constexpr int kPanelWords = kPanel / 2;
  static Factor factor(const std::uint32_t* panel) { return to_floats(panel); }
};

struct WidenHalves : MultiplyHalves {
  static constexpr bool kWidens = true;
};

void multiply_halves(const MatmulTile& tile) {
  (tile.widened != nullptr ? multiply<WidenHalves> : multiply<MultiplyHalves>)(tile);
}

// The nearest halves of a vector's numbers, and whether these are other numbers.
inline bool narrow(const float* numbers, std::uint16_t* halves) {
#if defined(__AVX512F__)
  const __m512 wide = _mm512_loadu_ps(numbers);
  const __m256i narrowed = _mm512_cvtps_ph(wide, _MM_FROUND_TO_NEAREST_INT);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(halves), narrowed);
  return _mm512_cmpneq_epi32_mask(_mm512_castps_si512(wide),
                                  _mm512_castps_si512(_mm512_cvtph_ps(narrowed))) != 0;
#else
  const __m256 wide = _mm256_loadu_ps(numbers);
  const __m128i narrowed = _mm256_cvtps_ph(wide, _MM_FROUND_TO_NEAREST_INT);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(halves), narrowed);
  const __m256i lost =
      _mm256_xor_si256(_mm256_castps_si256(wide), _mm256_castps_si256(_mm256_cvtph_ps(narrowed)));
  return _mm256_testz_si256(lost, lost) == 0;
#endif
}

bool to_halves(const float* numbers, std::int64_t count, std::uint16_t* halves) {
  bool lost = false;
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) lost |= narrow(numbers + i, halves + i);
  if (i < count) {
    std::array<float, kLanes> last{};
    std::array<std::uint16_t, kLanes> narrowed{};
    std::copy_n(numbers + i, count - i, last.begin());
    lost |= narrow(last.data(), narrowed.data());
    std::copy_n(narrowed.begin(), count - i, halves + i);
  }
  return !lost;
}

}  // namespace
}  // namespace glint
