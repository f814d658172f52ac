// What an instruction set does for products with packed weights: a table of functions, one a file
// (matmul_*.cpp), each compiled with its own flags. `baseline` runs everywhere.
//
// Numbers go in groups that fill 32 bits ("words"): one f32, two bf16, four 8-bit integers. Packed
// weights are panels of `columns` outputs, a panel being [words of the depth][columns] words, and
// rows of x are [words of the depth]; what fills up the last word and the last panel is zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace glint {

enum class Activation : std::int64_t { kNone, kQuickGelu, kGelu };

// What the products are made of; sums and results are f32.
//   kF32
//   kBf16  both factors rounded to bf16
//   kInt8  weights of 8 bits with a scale an output, rows of 8 bits with a scale a row, which are
//          taken from the largest absolute values; sums are exact
enum class Operands { kF32, kBf16, kInt8 };

// (x - mean) / sqrt(variance + epsilon) * weight + bias over a row; weight and bias [depth].
struct LayerNorm {
  const float* weight;
  const float* bias;
  float epsilon;
};

// Up to `rows` rows of x times one panel.
struct MatmulTile {
  const std::uint32_t* x = nullptr;  // the first row
  std::int64_t x_stride = 0;         // words from a row to the next
  std::int64_t rows = 0;             // 1 to MatmulKernels::rows
  const std::uint32_t* panel = nullptr;
  std::int64_t depth = 0;       // words, a multiple of MatmulKernels::step
  const float* bias = nullptr;  // [columns]
  Activation activation = Activation::kNone;
  const float* other = nullptr;  // added behind the activation, laid out as y
  bool rectify = false;          // max(y, 0) at the end
  float* y = nullptr;
  std::int64_t y_stride = 0;             // numbers from a row to the next, of y and other
  const std::int64_t* places = nullptr;  // or [rows]: of each behind y; less than 0: it has none
  std::int64_t columns = 0;              // of y that there are, at most the panel's
  const float* row_scales = nullptr;     // [rows], of kInt8 and of multiply_scaled
  const float* column_scales = nullptr;  // [columns], of kInt8
  const std::int32_t* corrections = nullptr;  // [columns], of kInt8: what sums start from
  // A part of the depth begins with the sums of the part before it and keeps its own,
  // [rows][columns] words; nullptr: the whole depth at once.
  std::uint32_t* sums = nullptr;
  bool first_part = true;
  bool last_part = true;
  // Of multiply_halves: where the panel's numbers go as f32; nullptr: nowhere.
  std::uint32_t* widened = nullptr;
  // Read ahead while this tile is computed, `ahead_lines` cache lines for each 8 words of depth.
  const std::uint32_t* ahead = nullptr;
  std::int64_t ahead_lines = 0;

  std::int64_t place(std::int64_t row) const {
    return places != nullptr ? places[row] : row * y_stride;
  }
};

// A tile's row of each of 16 products -> its 2 x 2 rows of y.
struct WinogradSums {
  const float* sums = nullptr;  // the first product's row
  std::int64_t stride = 0;      // numbers from a product to the next
  std::array<std::int64_t, 4>
      places{};      // of the rows behind y and other; less than 0: there is none
  MatmulTile steps;  // bias, activation, other, rectify, y and columns
};

struct MatmulKernels {
  const char* name;
  Operands operands;
  std::int64_t rows;     // of a tile, at most
  std::int64_t columns;  // of a panel
  std::int64_t step;     // words that a depth is a multiple of; what is added is zero
  // Words of depth after which to go to the next tile of a panel, whose part of that depth then
  // comes from the first cache; 0: there is no need.
  std::int64_t part;
  void (*multiply)(const MatmulTile& tile);
  // The sums of a row times its scale; nullptr for kInt8.
  void (*multiply_scaled)(const MatmulTile& tile);
  // x [depth] f32 -> words, normalised first where `norm` is not nullptr; the return is the row's
  // scale of kInt8, 1 otherwise.
  float (*prepare)(const float* x, std::int64_t depth, const LayerNorm* norm, std::uint32_t* words);
  // scores [count] become e^(score - the largest), what follows up to `padded` 0. -> their sum
  float (*soften)(float* scores, std::int64_t count, std::int64_t padded);
  // What a thread calls behind its products; nullptr: nothing.
  void (*done)() = nullptr;
  // Of kF32, for winograd.h. A tile's 4 x 4 pixels of `channels` numbers -> one row [channels] of
  // each of 16 products, `stride` numbers apart.
  void (*to_winograd)(const std::array<const float*, 16>& pixels, std::int64_t channels,
                      float* rows, std::int64_t stride) = nullptr;
  void (*from_winograd)(const WinogradSums& sums) = nullptr;
  // Of kF32, for weights that f16 holds as they are: the same product with a panel of
  // [depth][columns] f16 numbers; nullptr without it.
  void (*multiply_halves)(const MatmulTile& tile) = nullptr;
  // With it: numbers [count] -> f16; whether f16 holds each of them as it is.
  bool (*to_halves)(const float* numbers, std::int64_t count, std::uint16_t* halves) = nullptr;
};

inline std::int64_t numbers_a_word(Operands operands) {
  return operands == Operands::kInt8 ? 4 : operands == Operands::kBf16 ? 2 : 1;
}

inline std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline std::int64_t round_up(std::int64_t a, std::int64_t b) { return divide_up(a, b) * b; }

// Words that `numbers` of one row or column take.
inline std::int64_t depth_of(std::int64_t numbers, const MatmulKernels& kernels) {
  return round_up(divide_up(numbers, numbers_a_word(kernels.operands)), kernels.step);
}

// Those that this CPU can run, the fastest last; empty where it has no such operands.
std::span<const MatmulKernels* const> matmul_kernels(Operands operands);

namespace matmul {

extern const MatmulKernels kBaseline;
// On x86-64 only:
extern const MatmulKernels kAvx2;
extern const MatmulKernels kAvx512;
extern const MatmulKernels kAvx512Bf16;
extern const MatmulKernels kAvx512Vnni;
extern const MatmulKernels kAmxBf16;
extern const MatmulKernels kAmxInt8;

}  // namespace matmul
}  // namespace glint
