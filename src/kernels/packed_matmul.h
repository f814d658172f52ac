// Products with constant weights that are laid out once for this CPU's instructions.
//
// With plain weights a BLAS runs at a third of the machine's peak on the row counts of one image or
// one prompt; in panels that the kernels read in order, each weight comes from memory once a call
// and the arithmetic is the limit. Any number of rows costs the same a row: nothing is prepared
// for a shape.
#pragma once

#include <cstdint>

#include "kernels/matmul_kernels.h"
#include "kernels/packed_weights.h"

namespace glint {

// Whether this CPU has instructions for the operands.
bool has_operands(Operands operands);
// The fastest that it has. Throws Error(kInternal) without any.
const MatmulKernels& best_kernels(Operands operands);

// What is done around the product, in this order: norm, product, bias, activation, other, rectify.
struct MatmulSteps {
  const LayerNorm* norm = nullptr;  // over [in]
  Activation activation = Activation::kNone;
  const float* other = nullptr;  // [rows, out], may be y itself
  bool rectify = false;          // max(y, 0)
};

// Numbers from a row to the next, of x and of y and other; 0: as many as a row has.
struct RowStrides {
  std::int64_t x = 0, y = 0;
};

// Rows that are words of the operands already and may overlap: part i of row r begins at
// words[r * stride + i * pitch].
struct PreparedRows {
  const std::uint32_t* words;
  std::int64_t rows, stride;
  std::int64_t parts, pitch;
  const std::int64_t* places;  // [rows], where in y and other a row's results go; below 0: nowhere
};

// Immutable: calls may run concurrently, with the same numbers whether f32 weights were kept as
// such or, where that loses nothing, as f16. Each uses the OpenMP threads of the thread that calls.
class PackedMatmul {
 public:
  // weight [out, in] f32, rows contiguous; bias [out] or nullptr. Keeps neither.
  // Throws std::bad_alloc, and Error(kInternal) for operands that the CPU does not have.
  PackedMatmul(const float* weight, const float* bias, std::int64_t in, std::int64_t out,
               Operands operands = Operands::kF32);
  PackedMatmul(const float* weight, const float* bias, std::int64_t in, std::int64_t out,
               const MatmulKernels& kernels);
  PackedMatmul(const PackedMatmul&) = delete;
  PackedMatmul& operator=(const PackedMatmul&) = delete;

  // x [rows, in] f32 -> y [rows, out]: activation(norm(x) weight^T + bias) + other.
  // Throws std::bad_alloc, unless rows are read where they are, in a parallel region.
  void run(const float* x, std::int64_t rows, const MatmulSteps& steps, float* y,
           const RowStrides& strides = {}) const;

  // The same of prepared rows, without a norm; for kBf16 kernels that compute in parts.
  void run(const PreparedRows& x, const MatmulSteps& steps, float* y) const;

  // Whether rows without a norm are, which lie `stride` numbers apart: in f32, unless these are
  // whole pages, which would put all rows of a tile into the same few sets of the first cache.
  static bool reads_in_place(const MatmulKernels& kernels, std::int64_t stride) {
    return kernels.operands == Operands::kF32 && stride % 1024 != 0;
  }

  bool keeps_halves() const { return weights_.halves; }
  Operands operands() const { return kernels_.operands; }
  const MatmulKernels& kernels() const { return kernels_; }
  std::int64_t in_features() const { return in_; }
  std::int64_t out_features() const { return out_; }

 private:
  struct Call;
  struct Block;
  struct Taken;
  struct Plan;
  Plan plan_of(const Call& call) const;
  MatmulTile tile_of(const Call& call, const Block& block, std::int64_t panel,
                     std::int64_t nth) const;
  void multiply(const Call& call, const Block& block, std::int64_t first, std::int64_t last,
                const Plan& plan, std::uint32_t* room) const;
  void multiply_halves(MatmulTile& tile, bool first, std::uint32_t* room) const;
  void share(const Call& call, Plan& plan, std::int64_t threads, std::int64_t me) const;

  const MatmulKernels& kernels_;
  std::int64_t in_;
  std::int64_t out_;
  PackedWeights weights_;
};

}  // namespace glint
