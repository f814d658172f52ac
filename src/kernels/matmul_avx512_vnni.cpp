#include <immintrin.h>

#include "kernels/matmul_prepare.h"
#include "kernels/matmul_tile.h"

namespace glint {
namespace {

// Four products of 8 bits a lane. The instruction wants rows without sign: they are shifted by
// 128, and sums start from what that adds, taken away.
struct MultiplyInt8 {
  using Word = std::int32_t;
  using Factor = Ints;
  using Sum = Ints;
  static Sum start(const MatmulTile& tile, std::int64_t column) {
    return load<Sum>(tile.corrections + column);
  }
  static Factor broadcast(Word word) { return Factor{} + word; }
  static Sum multiply_add(Sum sum, Factor x, Factor w) {
    return reinterpret_cast<Sum>(_mm512_dpbusd_epi32(reinterpret_cast<__m512i>(sum),
                                                     reinterpret_cast<__m512i>(x),
                                                     reinterpret_cast<__m512i>(w)));
  }
  static Floats number(Sum sum, const MatmulTile& tile, std::int64_t row, std::int64_t column) {
    return __builtin_convertvector(sum, Floats) * tile.row_scales[row] *
           load<Floats>(tile.column_scales + column);
  }
};

float prepare_int8(const float* x, std::int64_t depth, const LayerNorm* norm,
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

namespace matmul {

const MatmulKernels kAvx512Vnni{"avx512_vnni",           Operands::kInt8, kTileRows,     kPanel,
                                &multiply<MultiplyInt8>, nullptr,         &prepare_int8, nullptr};

}  // namespace matmul
}  // namespace glint
