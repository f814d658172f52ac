// Attention of a graph on this project's kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/passes/operators.h"

namespace glint::passes {

// q [B, H, N, d], k and v [B, H, M, d] f32 -> [B, H, N, d], a view of [B, N, H, d], as the next
// layer wants it. What the kernels do not do (other ranks, shapes that broadcast) LibTorch does.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const AttentionStep& step);

// qkv [B, N, 3 x H x d] f32, queries, keys and values of a token side by side -> [B, N, H x d].
at::Tensor attend_to_itself(const at::Tensor& qkv, std::int64_t heads, const AttentionStep& step);

}  // namespace glint::passes
