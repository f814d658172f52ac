// The loops of label_rows.h, which the compiler turns into the including file's instructions.
#pragma once

#include "kernels/label_rows.h"

namespace glint {
namespace {

void stretch(const float* __restrict in, const ThreeTaps& taps, std::int64_t count,
             float* __restrict out) {
  const std::int32_t* __restrict first = taps.first;
  const float* __restrict w0 = taps.weights[0];
  const float* __restrict w1 = taps.weights[1];
  const float* __restrict w2 = taps.weights[2];
  for (std::int64_t i = 0; i < count; ++i) {
    const float* const at = in + first[i];
    out[i] = at[0] * w0[i] + at[1] * w1[i] + at[2] * w2[i];
  }
}

void keep_best(const ThreeRows& in, std::int64_t count, std::int32_t of, float* __restrict best,
               std::int32_t* __restrict label) {
  const float* __restrict a = in.rows[0];
  const float* __restrict b = in.rows[1];
  const float* __restrict c = in.rows[2];
  const auto [wa, wb, wc] = in.weights;
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = a[i] * wa + b[i] * wb + c[i] * wc;
    const bool better = value > best[i];
    best[i] = better ? value : best[i];
    label[i] = better ? of : label[i];
  }
}

void add(const ThreeRows& in, std::int64_t count, float* __restrict out) {
  const float* __restrict a = in.rows[0];
  const float* __restrict b = in.rows[1];
  const float* __restrict c = in.rows[2];
  const auto [wa, wb, wc] = in.weights;
  for (std::int64_t i = 0; i < count; ++i) out[i] += a[i] * wa + b[i] * wb + c[i] * wc;
}

}  // namespace
}  // namespace glint
