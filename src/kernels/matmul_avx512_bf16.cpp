#include <immintrin.h>

#include "kernels/matmul_prepare.h"
#include "kernels/matmul_tile.h"
#include "kernels/softmax.h"

namespace glint {
namespace {

// Two products of bf16 a lane, summed in f32.
struct MultiplyBf16 {
  using Word = std::int32_t;
  using Factor = Ints;
  using Sum = Floats;
  static Sum start(const MatmulTile&, std::int64_t) { return Sum{}; }
  static Factor broadcast(Word word) { return Factor{} + word; }
  static Sum multiply_add(Sum sum, Factor x, Factor w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
  }
  static Floats number(Sum sum, const MatmulTile&, std::int64_t, std::int64_t) { return sum; }
};

float prepare_bf16(const float* x, std::int64_t depth, const LayerNorm* norm,
                   std::uint32_t* words) {
  const Row row(x, depth, norm);
  by_vectors(depth, [&](auto k, auto count) {
    const __m256bh rounded = _mm512_cvtneps_pbh(row(k, count));  // to the nearest, ties to even
    std::memcpy(words + k / 2, &rounded, static_cast<std::size_t>((count + 1) / 2) * 4);
  });
  return 1;
}

}  // namespace

namespace matmul {

const MatmulKernels kAvx512Bf16{"avx512_bf16",
                                Operands::kBf16,
                                kTileRows,
                                kPanel,
                                &multiply<MultiplyBf16>,
                                &multiply<Scaled<MultiplyBf16>>,
                                &prepare_bf16,
                                &soften};

}  // namespace matmul
}  // namespace glint
