// A linear layer of a graph, its weights packed.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include "kernels/packed_matmul.h"

namespace glint::passes {

// What a layer norm multiplies with and adds; f32 on the CPU, of one size, contiguous.
struct NormWeights final : torch::CustomClassHolder {
  NormWeights(at::Tensor with_weight, at::Tensor with_bias, double with_epsilon)
      : weight(std::move(with_weight)), bias(std::move(with_bias)), epsilon(with_epsilon) {}
  const at::Tensor weight, bias;
  const double epsilon;
};

// What surrounds the product, in this order.
struct LinearSteps {
  c10::intrusive_ptr<NormWeights> norm;  // or nullptr
  Activation activation = Activation::kNone;
  at::Tensor other;  // added at the end, broadcast; or undefined
};

class PackedLinear final : public torch::CustomClassHolder {
 public:
  // weight [N, K] f32 on the CPU, bias [N] f32 or undefined. Keeps neither.
  // Throws Error(kInternal) when a trial on a few rows differs from at::linear by more than the
  // operands allow (max abs difference / max abs value).
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Operands operands);

  // x [..., K] f32 -> activation(norm(x) weight^T + bias) + other [..., N].
  at::Tensor run(const at::Tensor& x, const LinearSteps& steps) const;

  std::int64_t in_features() const { return matmul_.in_features(); }

 private:
  PackedMatmul matmul_;
};

}  // namespace glint::passes
