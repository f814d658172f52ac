// What the tests of this folder share.
#pragma once

#include <random>
#include <vector>

#include "kernels/matmul_kernels.h"

namespace glint {

// Of a normal distribution.
inline std::vector<float> draw(std::int64_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = normal(random);
  return values;
}

inline std::vector<const MatmulKernels*> all_kernels() {
  std::vector<const MatmulKernels*> all;
  for (const auto operands : {Operands::kF32, Operands::kBf16, Operands::kInt8}) {
    for (const MatmulKernels* kernels : matmul_kernels(operands)) all.push_back(kernels);
  }
  return all;
}

}  // namespace glint
