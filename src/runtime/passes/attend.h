// Attention of a graph on this project's kernels.
#pragma once

#include <ATen/core/Tensor.h>

#include "runtime/passes/operators.h"

namespace glint::passes {

// q [B, H, N, d], k and v [B, H, M, d] f32 -> [B, H, N, d], a view of [B, N, H, d], as the next
// layer wants it. What the kernels do not do (other ranks, shapes that broadcast) LibTorch does.
at::Tensor attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                  const AttentionStep& step);

}  // namespace glint::passes
