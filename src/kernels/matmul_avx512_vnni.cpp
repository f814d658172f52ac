#include <immintrin.h>

#include "kernels/matmul_prepare_int8.h"
#include "kernels/matmul_tile.h"

namespace glint {
namespace {

// Four products of 8 bits a lane.
struct MultiplyInt8 : WholePanel<Ints> {
  using Word = std::int32_t;
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

}  // namespace

namespace matmul {

const MatmulKernels kAvx512Vnni{
    "avx512_vnni",           Operands::kInt8, kTileRows,     kPanel, 1, 0,
    &multiply<MultiplyInt8>, nullptr,         &prepare_int8, nullptr};

}  // namespace matmul
}  // namespace glint
