#include "kernels/matmul_amx.h"
#include "kernels/matmul_prepare_int8.h"

namespace glint {
namespace {

struct TilesInt8 {
  using Number = std::int32_t;
  using Sum = Ints;
  template <int Sums>
  static void multiply_add() {  // GCC's operands are literals
    if constexpr (Sums == 0) _tile_dpbusd(0, 4, 6);
    if constexpr (Sums == 1) _tile_dpbusd(1, 4, 7);
    if constexpr (Sums == 2) _tile_dpbusd(2, 5, 6);
    if constexpr (Sums == 3) _tile_dpbusd(3, 5, 7);
  }
  static Floats number(Sum sum, const MatmulTile& tile, std::int64_t row, std::int64_t column) {
    return __builtin_convertvector(sum + load<Sum>(tile.corrections + column), Floats) *
           tile.row_scales[row] * load<Floats>(tile.column_scales + column);
  }
};

}  // namespace

namespace matmul {

const MatmulKernels kAmxInt8{"amx_int8",
                             Operands::kInt8,
                             kAmxRows,
                             kPanel,
                             kAmxSide,
                             kAmxPart,
                             &multiply_in_tiles<TilesInt8>,
                             nullptr,
                             &prepare_int8,
                             nullptr,
                             &give_tiles_back};

}  // namespace matmul
}  // namespace glint
