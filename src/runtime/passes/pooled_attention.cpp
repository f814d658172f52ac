#include "runtime/passes/pooled_attention.h"

#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include "kernels/attention.h"
#include "runtime/empty_tensor.h"
#include "runtime/passes/trial.h"

namespace glint::passes {
namespace {

constexpr std::int64_t kTrialTokens = 5;

// all [heads * d, C] -> [heads, C, d]
at::Tensor transposed_by_head(const at::Tensor& all, std::int64_t heads) {
  return all.view({heads, -1, all.size(1)}).transpose(1, 2).contiguous();
}

at::Tensor multiply(const HeadProducts& heads, const at::Tensor& rows) {
  const at::Tensor y =
      empty_tensor({heads.heads(), rows.size(1), heads.out_features()}, rows.options());
  heads.run(rows.const_data_ptr<float>(), rows.size(1), y.mutable_data_ptr<float>());
  return y;
}

}  // namespace

PooledAttention::PooledAttention(const at::Tensor& key, const at::Tensor& value,
                                 const at::Tensor& bias, std::int64_t heads, Operands operands)
    : width_(key.size(0) / heads),
      channels_(key.size(1)),
      keys_(transposed_by_head(key, heads).const_data_ptr<float>(), nullptr, heads, width_,
            channels_, operands),
      values_(value.contiguous().const_data_ptr<float>(),
              bias.defined() ? bias.contiguous().const_data_ptr<float>() : nullptr, heads,
              channels_, width_, operands) {
  const at::Tensor x = at::randn({2, kTrialTokens, channels_});
  const at::Tensor q = at::randn({2, heads, 1, width_});
  const auto split = [&](const at::Tensor& all) {
    return all.view({2, kTrialTokens, heads, width_}).transpose(1, 2);
  };
  const double scale = 1 / static_cast<double>(width_);  // of weights that may not be small
  const at::Tensor expected = at::scaled_dot_product_attention(
      q, split(at::linear(x, key)), split(at::linear(x, value, bias)), {}, 0.0, false, scale);
  expect_close(run(q, x, scale), expected, operands, "pooled attention", value.sizes());
}

at::Tensor PooledAttention::run(const at::Tensor& q, const at::Tensor& x, double scale) const {
  const std::int64_t heads = keys_.heads();
  TORCH_CHECK(x.dim() == 3 && x.size(1) > 0 && x.size(2) == channels_ &&
                  x.scalar_type() == at::kFloat && q.scalar_type() == at::kFloat &&
                  q.sizes() == at::IntArrayRef({x.size(0), heads, 1, width_}),
              "expected float tokens of ", channels_, " channels and a query of ", width_,
              " for each of ", heads, " heads, got ", x.sizes(), " and ", q.sizes());
  const std::int64_t batch = x.size(0), tokens = x.size(1);
  const at::Tensor asked = multiply(keys_, q.squeeze(2).transpose(0, 1).contiguous());
  const at::Tensor rows = x.contiguous();
  const at::Tensor mixed = empty_tensor({batch, heads, channels_}, rows.options());
  // Queries of one head are as many as there are heads, and what they see are the tokens.
  const HeadsView queries{asked.const_data_ptr<float>(), channels_, 0, batch * channels_};
  const HeadsView seen{rows.const_data_ptr<float>(), tokens * channels_, 0, channels_};
  attention(keys_.kernels(), {batch, 1, heads, tokens, channels_}, queries, seen, seen,
            static_cast<float>(scale), false, mixed.mutable_data_ptr<float>());
  return multiply(values_, mixed.transpose(0, 1).contiguous()).transpose(0, 1).unsqueeze(2);
}

}  // namespace glint::passes
