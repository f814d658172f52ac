// Attention of one query a head, as pooling does, without the keys and values of any token:
// q (W_k x) = (W_k^T q) x, and the mean of all W_v x is W_v times the mean of x.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include "kernels/head_products.h"

namespace glint::passes {

class PooledAttention final : public torch::CustomClassHolder {
 public:
  // key, value [heads * d, C] f32 on the CPU, what makes keys and values of a token; bias
  // [heads * d] f32 of values, or undefined. Keys need none: it adds the same to all scores of a
  // query. Keeps none of them. Throws Error(kInternal) as PackedLinear does.
  PooledAttention(const at::Tensor& key, const at::Tensor& value, const at::Tensor& bias,
                  std::int64_t heads, Operands operands);

  // q [B, heads, 1, d], x [B, N, C] f32 -> [B, heads, 1, d]: softmax(q k^T scale) v.
  at::Tensor run(const at::Tensor& q, const at::Tensor& x, double scale) const;

 private:
  std::int64_t width_, channels_;  // d, C
  HeadProducts keys_, values_;     // W_k^T and W_v of each head
};

}  // namespace glint::passes
