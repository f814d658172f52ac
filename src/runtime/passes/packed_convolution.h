// A convolution of a graph, its weights packed for the products that compute it.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/custom_class.h>

#include <compare>
#include <variant>

#include "kernels/direct_convolution.h"
#include "kernels/winograd.h"
#include "runtime/passes/packed_linear.h"

namespace glint::passes {

struct ConvolutionStep {
  Pair stride{}, padding{};
  auto operator<=>(const ConvolutionStep&) const = default;
};

class PackedConvolution final : public torch::CustomClassHolder {
 public:
  // weight [out, channels, down, across] f32 on the CPU, bias [out] f32 or undefined. Keeps
  // neither. Throws Error(kInternal) as PackedLinear does.
  PackedConvolution(const at::Tensor& weight, const at::Tensor& bias, const ConvolutionStep& step,
                    Operands operands);

  // pixels [B, channels, H, W] f32 -> [B, out, H', W'], what `steps` adds included: a view of
  // [B, H', W', out], which is also the layout that costs nothing to read here, written over
  // steps.other where nothing else refers to it. Without a norm.
  at::Tensor run(const at::Tensor& pixels, LinearSteps steps) const;

 private:
  Windows windows_of(const at::Tensor& pixels) const;
  void run_into(const float* pixels, const Windows& windows, const MatmulSteps& steps,
                float* y) const;
  void run_in_chunks(const PackedMatmul& matmul, const float* pixels, const Windows& windows,
                     const MatmulSteps& steps, float* y) const;

  std::int64_t channels_, out_;
  Pair kernel_;
  ConvolutionStep step_;
  // What computes it; the first takes every convolution, by rows of its windows.
  std::variant<std::monostate, PackedMatmul, WinogradConvolution, DirectConvolution> products_;
};

}  // namespace glint::passes
