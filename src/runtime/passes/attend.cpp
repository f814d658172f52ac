#include "runtime/passes/attend.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <cmath>

#include "kernels/attention.h"

namespace glint::passes {
namespace {

bool fits(const at::Tensor& tensor) {
  return tensor.dim() == 4 && tensor.scalar_type() == at::kFloat && tensor.is_cpu();
}

at::Tensor with_heads_whole(const at::Tensor& tensor) {
  return tensor.stride(3) == 1 ? tensor : tensor.contiguous();
}

HeadsView view(const at::Tensor& tensor) {
  return {tensor.const_data_ptr<float>(), tensor.stride(0), tensor.stride(1), tensor.stride(2)};
}

}  // namespace

at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const AttentionStep& step) {
  const bool ours = fits(q) && fits(k) && fits(v) && k.sizes() == v.sizes() &&
                    q.size(0) == k.size(0) && q.size(1) == k.size(1) && q.size(3) == k.size(3) &&
                    q.size(3) > 0 && k.size(2) > 0 && (!step.causal || q.size(2) == k.size(2));
  if (!ours) {
    return at::scaled_dot_product_attention(q, k, v, std::nullopt, 0.0, step.causal, step.scale);
  }
  const AttentionShape shape{q.size(0), q.size(1), q.size(2), k.size(2), q.size(3)};
  const at::Tensor out =
      at::empty({shape.batch, shape.queries, shape.heads, shape.width}, q.options());
  const at::Tensor queries = with_heads_whole(q), keys = with_heads_whole(k),
                   values = with_heads_whole(v);
  const double scale = step.scale.value_or(1 / std::sqrt(static_cast<double>(shape.width)));
  attention(*matmul_kernels(step.operands).back(), shape, view(queries), view(keys), view(values),
            static_cast<float>(scale), step.causal, out.mutable_data_ptr<float>());
  return out.transpose(1, 2);
}

}  // namespace glint::passes
