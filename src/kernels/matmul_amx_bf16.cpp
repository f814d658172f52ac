#include "kernels/matmul_amx.h"
#include "kernels/matmul_prepare_bf16.h"
#include "kernels/softmax.h"

namespace glint {
namespace {

struct TilesBf16 {
  using Number = float;
  using Sum = Floats;
  template <int Sums>
  static void multiply_add() {  // GCC's operands are literals
    if constexpr (Sums == 0) _tile_dpbf16ps(0, 4, 6);
    if constexpr (Sums == 1) _tile_dpbf16ps(1, 4, 7);
    if constexpr (Sums == 2) _tile_dpbf16ps(2, 5, 6);
    if constexpr (Sums == 3) _tile_dpbf16ps(3, 5, 7);
  }
  static Floats number(Sum sum, const MatmulTile&, std::int64_t, std::int64_t) { return sum; }
};

}  // namespace

namespace matmul {

const MatmulKernels kAmxBf16{"amx_bf16",
                             Operands::kBf16,
                             kAmxRows,
                             kPanel,
                             kAmxSide,
                             kAmxPart,
                             &multiply_in_tiles<TilesBf16>,
                             &multiply_in_tiles<Scaled<TilesBf16>>,
                             &prepare_bf16,
                             &soften,
                             &give_tiles_back};

}  // namespace matmul
}  // namespace glint
