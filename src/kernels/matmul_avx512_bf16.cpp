#include <immintrin.h>

#include "kernels/matmul_prepare_bf16.h"
#include "kernels/matmul_tile.h"
#include "kernels/softmax.h"

namespace glint {
namespace {

// Two products of bf16 a lane, summed in f32.
struct MultiplyBf16 : WholePanel<Ints> {
  using Word = std::int32_t;
  using Sum = Floats;
  static Sum start(const MatmulTile&, std::int64_t) { return Sum{}; }
  static Factor broadcast(Word word) { return Factor{} + word; }
  static Sum multiply_add(Sum sum, Factor x, Factor w) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(x), reinterpret_cast<__m512bh>(w));
  }
  static Floats number(Sum sum, const MatmulTile&, std::int64_t, std::int64_t) { return sum; }
};

}  // namespace

namespace matmul {

const MatmulKernels kAvx512Bf16{"avx512_bf16",
                                Operands::kBf16,
                                kTileRows,
                                kPanel,
                                1,
                                0,
                                &multiply<MultiplyBf16>,
                                &multiply<Scaled<MultiplyBf16>>,
                                &prepare_bf16,
                                &soften};

}  // namespace matmul
}  // namespace glint
