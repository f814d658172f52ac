#include "runtime/passes/attend.h"

#include <ATen/ops/scaled_dot_product_attention.h>

#include "kernels/attention.h"
#include "runtime/empty_tensor.h"

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
      empty_tensor({shape.batch, shape.queries, shape.heads, shape.width}, q.options());
  const at::Tensor queries = with_heads_whole(q), keys = with_heads_whole(k),
                   values = with_heads_whole(v);
  attention(*matmul_kernels(step.operands).back(), shape, view(queries), view(keys), view(values),
            static_cast<float>(step.scale_of(shape.width)), step.causal,
            out.mutable_data_ptr<float>());
  return out.transpose(1, 2);
}

at::Tensor attend_to_itself(const at::Tensor& qkv, std::int64_t heads, const AttentionStep& step) {
  TORCH_CHECK(qkv.dim() == 3 && qkv.scalar_type() == at::kFloat && qkv.is_contiguous() &&
                  qkv.size(2) % (3 * heads) == 0,
              "expected contiguous float rows of three parts of ", heads, " heads, got ",
              qkv.sizes());
  const std::int64_t batch = qkv.size(0), tokens = qkv.size(1), all = qkv.size(2) / 3;
  const AttentionShape shape{batch, heads, tokens, tokens, all / heads};
  const at::Tensor out = step.spaced ? spaced_tensor({batch, tokens, all}, qkv.options())
                                     : empty_tensor({batch, tokens, all}, qkv.options());
  const auto* rows = qkv.const_data_ptr<float>();
  const auto part = [&](std::int64_t i) {
    return HeadsView{rows + i * all, tokens * 3 * all, shape.width, 3 * all};
  };
  attention(*matmul_kernels(step.operands).back(), shape, part(0), part(1), part(2),
            static_cast<float>(step.scale_of(shape.width)), step.causal,
            out.mutable_data_ptr<float>(), out.stride(1));
  return out;
}

}  // namespace glint::passes
