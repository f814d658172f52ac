// A linear layer of a graph, its weights packed.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include "kernels/packed_matmul.h"

namespace glint::passes {

class PackedLinear final : public torch::CustomClassHolder {
 public:
  // weight [N, K] f32 on the CPU, bias [N] f32 or undefined. Keeps neither.
  // Throws dnnl::error, and Error(kInternal) when a trial on a few rows differs from at::linear by
  // more than the operands allow (max abs difference / max abs value).
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Operands operands);

  // x [..., K] f32 -> activation(x weight^T + bias) [..., N].
  at::Tensor run(const at::Tensor& x, Activation activation) const;
  // x weight^T + bias + other; one kernel where `other` has the shape of the result.
  at::Tensor run_add(const at::Tensor& x, const at::Tensor& other) const;

 private:
  at::Tensor result_for(const at::Tensor& x) const;
  at::Tensor operands_of(const at::Tensor& x) const;

  PackedMatmul matmul_;
};

}  // namespace glint::passes
