// The weights of a product in panels, as matmul_kernels.h says.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/matmul_kernels.h"

namespace glint {

struct PackedWeights {
  std::int64_t panels = 0;
  std::int64_t depth = 0;  // words
  bool halves = false;     // f16 numbers in place of words: of kF32, where these are the weights
  std::shared_ptr<std::uint32_t> words;  // [panels, depth, columns]
  // [panels * columns], the last panel's filled up with zeros.
  std::vector<float> bias;                // empty without one
  std::vector<float> scales;              // of kInt8
  std::vector<std::int32_t> corrections;  // of kInt8: -128 times the sum of an output's weights

  std::int64_t panel_words(std::int64_t columns) const {
    return depth * columns / (halves ? 2 : 1);
  }
  const std::uint32_t* panel(std::int64_t i, std::int64_t columns) const {
    return words.get() + i * panel_words(columns);
  }
};

// weight [out, in], bias [out] or nullptr. Throws std::bad_alloc.
PackedWeights pack_weights(const float* weight, const float* bias, std::int64_t in,
                           std::int64_t out, const MatmulKernels& kernels);

}  // namespace glint
