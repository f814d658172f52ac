// Convolutions whose windows are read where the pixels lie: in a picture with its margin of zeros,
// the windows of all positions are rows that overlap, one pixel apart, with a part for each row of
// the kernel. Nothing is gathered; positions that begin in the margin are computed and not kept.
#pragma once

#include <cstdint>

#include "kernels/packed_matmul.h"
#include "kernels/windows.h"

namespace glint {

// Immutable: calls may run concurrently. Each uses the OpenMP threads of the thread that calls.
class DirectConvolution {
 public:
  // weight [out, down, across, channels] f32, contiguous; bias [out] or nullptr. Keeps neither.
  // For kernels and channels that takes() takes. Throws std::bad_alloc.
  DirectConvolution(const float* weight, const float* bias, Pair kernel, std::int64_t channels,
                    std::int64_t out, const MatmulKernels& kernels);

  // bf16 kernels that multiply in parts, and windows next to each other whose rows fill them.
  static bool takes(const MatmulKernels& kernels, Pair kernel, Pair stride, std::int64_t channels);

  // pixels as `windows` says -> y [batch, positions(0), positions(1), out]; steps.norm is nullptr
  // and steps.other of y's shape. Throws std::bad_alloc.
  void run(const float* pixels, const Windows& windows, const MatmulSteps& steps, float* y) const;

 private:
  PackedMatmul matmul_;
};

}  // namespace glint
