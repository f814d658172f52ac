// Panels of f16 numbers, half of the bytes that come from memory, with the sums of f32.
#pragma once

#include <immintrin.h>

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

}  // namespace
}  // namespace glint
