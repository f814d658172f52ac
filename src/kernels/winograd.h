// 3 x 3 convolutions with 16 products for every 2 x 2 outputs where the definition has 36:
// Winograd's minimal filtering F(2 x 2, 3 x 3) (Lavin and Gray, "Fast algorithms for convolutional
// neural networks", 2016, section 4.1). Its sums are of f32 and lose about one bit to the plain
// ones.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/packed_matmul.h"
#include "kernels/windows.h"

namespace glint {

// Immutable: calls may run concurrently. Each uses the OpenMP threads of the thread that calls.
class WinogradConvolution {
 public:
  // weight [out, in, 3, 3] f32, contiguous; bias [out] or nullptr. Keeps neither.
  // Throws std::bad_alloc.
  WinogradConvolution(const float* weight, const float* bias, std::int64_t in, std::int64_t out,
                      const MatmulKernels& kernels);

  // Whether it computes such convolutions: with kernels of f32, and rows that are read in place,
  // because a product among threads may not throw.
  static bool takes(const MatmulKernels& kernels, Pair kernel, Pair stride, std::int64_t in) {
    return kernel == Pair{3, 3} && stride == Pair{1, 1} &&
           PackedMatmul::reads_in_place(kernels, in);
  }

  // pixels as `windows`, which it takes, says -> y [batch, positions(0), positions(1), out];
  // steps.norm is nullptr and steps.other of y's shape. Throws std::bad_alloc.
  void run(const float* pixels, const Windows& windows, const MatmulSteps& steps, float* y) const;

 private:
  struct Call;
  struct Chunk;
  void spread(const Chunk& chunk, std::int64_t first, std::int64_t last) const;
  void multiply(const Chunk& chunk, std::int64_t product) const;
  void collect(const Chunk& chunk, std::int64_t first, std::int64_t last) const;

  const MatmulKernels& kernels_;
  std::int64_t in_, out_;
  std::vector<float> bias_;                                // filled up to whole vectors, or empty
  std::array<std::unique_ptr<PackedMatmul>, 16> weights_;  // of [out, in]
  std::vector<float> zeros_;                               // [in]: a pixel outside of the picture
};

}  // namespace glint
