#include "kernels/matmul_halves.h"
#include "kernels/matmul_prepare.h"
#include "kernels/matmul_tile.h"
#include "kernels/softmax.h"
#include "kernels/winograd_tile.h"

namespace glint::matmul {

const MatmulKernels kAvx512{"avx512",
                            Operands::kF32,
                            kTileRows,
                            kPanel,
                            1,
                            0,
                            &multiply<MultiplyF32>,
                            &multiply<Scaled<MultiplyF32>>,
                            &prepare_f32,
                            &soften,
                            nullptr,
                            &to_winograd,
                            &from_winograd,
                            &multiply_halves,
                            &to_halves};

}  // namespace glint::matmul
