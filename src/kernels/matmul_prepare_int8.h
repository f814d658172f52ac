// Rows of f32 made ready to be multiplied as 8 bits.
#pragma once

#include <immintrin.h>

#include "kernels/matmul_prepare.h"

namespace glint {
namespace {

// The instructions want rows without sign: they are shifted by 128, and sums start from what that
// adds, taken away.
inline float prepare_int8(const float* x, std::int64_t depth, const LayerNorm* norm,
                          std::uint32_t* words) {
  const Row row(x, depth, norm);
  Floats peaks{}, zeros{};
  by_vectors(depth, [&](auto k, auto count) {
    Floats part = row(k, count);
    for (std::int64_t i = count; i < kLanes; ++i) part[i] = 0;
    peaks = larger(peaks, larger(part, -part));
    zeros += part * 0.0F;
  });
  const float peak = largest_of(peaks);
  const float scale = peak / 127 + sum_of(zeros);  // NaN where a number is not finite
  const float inverse = peak > 0 ? 127 / peak : 0;
  auto* bytes = reinterpret_cast<std::uint8_t*>(words);
  by_vectors(depth, [&](auto k, auto count) {
    const __m512i rounded = _mm512_cvtps_epi32(row(k, count) * inverse);  // ties to even
    const __m128i narrow = _mm_add_epi8(_mm512_cvtepi32_epi8(rounded), _mm_set1_epi8(-128));
    std::memcpy(bytes + k, &narrow, static_cast<std::size_t>(count));
  });
  return scale;
}

}  // namespace
}  // namespace glint
