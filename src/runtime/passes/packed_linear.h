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
  at::Tensor other;      // added behind it, broadcast; or undefined
  bool rectify = false;  // max(y, 0) at the end
  bool spaced = false;   // the result is a spaced_tensor, if there is nothing to add
};

class PackedLinear final : public torch::CustomClassHolder {
 public:
  // weight [N, K] f32 on the CPU, bias [N] f32 or undefined. Keeps neither.
  // Throws Error(kInternal) when a trial on a few rows differs from at::linear by more than the
  // operands allow (max abs difference / max abs value).
  PackedLinear(const at::Tensor& weight, const at::Tensor& bias, Operands operands);

  // x [..., K] f32 -> activation(norm(x) weight^T + bias) + other [..., N], written over `other`
  // where nothing else refers to it.
  at::Tensor run(const at::Tensor& x, LinearSteps steps) const;

  // Whether rows are copied only because they lie whole pages apart.
  bool wants_space() const {
    return operands() == Operands::kF32 &&
           !PackedMatmul::reads_in_place(matmul_.kernels(), in_features());
  }
  Operands operands() const { return matmul_.operands(); }
  std::int64_t in_features() const { return matmul_.in_features(); }
  std::int64_t out_features() const { return matmul_.out_features(); }

 private:
  // y: contiguous, or spaced without `other`, which is of its shape or y itself.
  void run_into(const at::Tensor& x, const LinearSteps& steps, const at::Tensor& y) const;

  PackedMatmul matmul_;
};

}  // namespace glint::passes
