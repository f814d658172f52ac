// softmax(q k^T scale) v, a head after the other, the scores in the cache.
#pragma once

#include <cstdint>

#include "kernels/matmul_kernels.h"

namespace glint {

struct AttentionShape {
  std::int64_t batch, heads, queries, keys, width;  // width: of a head
};

// [batch, heads, tokens, width] f32 of any strides (numbers), a head's numbers contiguous.
struct HeadsView {
  const float* data;
  std::int64_t batch_stride, head_stride, token_stride;
};

// -> out [batch, queries, heads, width], a query's `out_stride` numbers behind the one before (0:
// as many as it has). causal: query i sees the keys 0 to i, and there are as many keys as queries.
// kF32 or kBf16 kernels; with the latter, both products are of numbers rounded to bf16. Uses the
// OpenMP threads of the thread that calls. Throws std::bad_alloc.
void attention(const MatmulKernels& kernels, const AttentionShape& shape, const HeadsView& q,
               const HeadsView& k, const HeadsView& v, float scale, bool causal, float* out,
               std::int64_t out_stride = 0);

}  // namespace glint
