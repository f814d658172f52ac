#include "kernels/label_rows_loops.h"

namespace glint::label_rows {

const LabelRowKernels kAvx512{"avx512", &stretch, &keep_best, &add};

}  // namespace glint::label_rows
