// Rows of a label's logits on their way to the pixels of a picture: stretched along a row, blended
// of rows, compared or added. A table of functions an instruction set, one a file
// (label_rows_*.cpp), each compiled with its own flags; `baseline` runs everywhere.
//
// Multiply-adds may be fused. Each number is a sum of three products, so two versions differ by at
// most 3 roundings of the largest product.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace glint {

// Samples that are sums of three neighbours: sample i is
// weights[0][i] * in[first[i]] + weights[1][i] * in[first[i] + 1] + weights[2][i] * in[first[i] +
// 2], so `in` has two numbers behind its last sample, whose weight is 0 and which are finite.
struct ThreeTaps {
  const std::int32_t* first = nullptr;
  std::array<const float*, 3> weights{};
};

// Three rows of [count] and what each counts.
struct ThreeRows {
  std::array<const float*, 3> rows{};
  std::array<float, 3> weights{};
};

struct LabelRowKernels {
  const char* name;
  // in -> out [count]
  void (*stretch)(const float* in, const ThreeTaps& taps, std::int64_t count, float* out);
  // Where the blend is greater than best[x], it becomes that, and label[x] becomes `of`. NaN never
  // is.
  void (*keep_best)(const ThreeRows& in, std::int64_t count, std::int32_t of, float* best,
                    std::int32_t* label);
  // out[x] += the blend
  void (*add)(const ThreeRows& in, std::int64_t count, float* out);
};

// Those that this CPU can run, the fastest last.
std::span<const LabelRowKernels* const> label_row_kernels();

namespace label_rows {

extern const LabelRowKernels kBaseline;
// On x86-64 only:
extern const LabelRowKernels kAvx2;
extern const LabelRowKernels kAvx512;

}  // namespace label_rows
}  // namespace glint
