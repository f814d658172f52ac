// Products with constant weights of several heads, each with rows of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/packed_matmul.h"

namespace glint {

// Immutable: calls may run concurrently. Each uses the OpenMP threads of the thread that calls.
class HeadProducts {
 public:
  // weights [heads][out, in] f32; biases [heads][out] or nullptr. Keeps neither. Throws as
  // PackedMatmul does.
  HeadProducts(const float* weights, const float* biases, std::int64_t heads, std::int64_t in,
               std::int64_t out, Operands operands);

  // x [heads, rows, in] f32 -> y [heads, rows, out]. Throws std::bad_alloc.
  void run(const float* x, std::int64_t rows, float* y) const;

  const MatmulKernels& kernels() const { return heads_.front()->kernels(); }
  std::int64_t heads() const { return static_cast<std::int64_t>(heads_.size()); }
  std::int64_t in_features() const { return heads_.front()->in_features(); }
  std::int64_t out_features() const { return heads_.front()->out_features(); }

 private:
  std::vector<std::unique_ptr<PackedMatmul>> heads_;
};

}  // namespace glint
