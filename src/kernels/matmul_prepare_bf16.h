// Rows of f32 made ready to be multiplied as bf16.
#pragma once

#include <immintrin.h>

#include "kernels/matmul_prepare.h"

namespace glint {
namespace {

inline float prepare_bf16(const float* x, std::int64_t depth, const LayerNorm* norm,
                          std::uint32_t* words) {
  const Row row(x, depth, norm);
  by_vectors(depth, [&](auto k, auto count) {
    const __m256bh rounded = _mm512_cvtneps_pbh(row(k, count));  // to the nearest, ties to even
    std::memcpy(words + k / 2, &rounded, static_cast<std::size_t>((count + 1) / 2) * 4);
  });
  return 1;
}

}  // namespace
}  // namespace glint
