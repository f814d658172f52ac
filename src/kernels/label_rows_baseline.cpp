#include "kernels/label_rows_loops.h"

namespace glint::label_rows {

const LabelRowKernels kBaseline{"baseline", &stretch, &keep_best, &add};

}  // namespace glint::label_rows
