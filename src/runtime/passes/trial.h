// The check that every packed layer undergoes before it takes a plain one's place.
#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "kernels/matmul_kernels.h"

namespace glint::passes {

// Throws Error(kInternal) when the results of a packed layer, of weights of `shape`, differ from
// the plain one's by more than the operands allow (max abs difference / max abs value).
void expect_close(const at::Tensor& got, const at::Tensor& expected, Operands operands,
                  std::string_view layer, at::IntArrayRef shape);

}  // namespace glint::passes
