// A convolution of a graph as products of packed weights with windows.
#pragma once

#include <ATen/core/Tensor.h>

#include "kernels/windows.h"
#include "runtime/passes/packed_linear.h"

namespace glint::passes {

struct ConvolutionStep {
  c10::intrusive_ptr<PackedLinear> layer;  // of weights [out, kernel down, kernel across, channels]
  Pair kernel, stride, padding;
};

// pixels [B, C, H, W] f32 -> [B, out, H', W'], what `steps` adds included: a view of
// [B, H', W', out], which is also the layout that costs nothing to read here.
at::Tensor convolve(const at::Tensor& pixels, const ConvolutionStep& step, LinearSteps steps);

}  // namespace glint::passes
