// Compact copies of rows and queries, with rigorous bounds of what they leave out.
//
// A row x is kept as c = scale * compact(x). For every query q, by Cauchy and Schwarz,
//
//   |q . x - q' . c|  <=  |q| |x - c|  +  |q - q'| |c|
//
// where q' is what is left of q when it is quantised too. |x - c| and |c| are computed in f64 when
// the row is stored, and rounded up, so that the bound holds whatever the rounding rule was.
#pragma once

#include <glint/index.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace glint {

// What is stored of a row beside its compact numbers (IndexLayout::Section). A row whose length
// lies outside [2^-40, 2^40] and is not zero gets an infinite residual: f32 sums of its products
// might overflow or vanish, so a search always looks at the row itself.
struct RowBound {
  float scale = 0;
  float residual = 0;
  float norm = 0;
};

// `row` [d] is finite; `compact` has 0, 2 d or d bytes by the storage.
RowBound quantize_row(std::span<const float> row, IndexStorage storage,
                      std::span<std::byte> compact);

// A query in the form that a scan needs. With estimate = dot * (row.scale * scale),
//   row's score <= estimate + residual_factor * row.residual + norm_factor * row.norm
// in f32 arithmetic, all its roundings and the score's own included. Infinite or NaN when unknown.
struct ScanQuery {
  float scale = 1;
  float residual_factor = 0;
  float norm_factor = 0;
};

// `query` [d] is finite; `integers` [d] is written for int8 storage only, where products with int8
// numbers, d of them, cannot exceed 2^31 - 1 in sum.
ScanQuery quantize_query(std::span<const float> query, IndexStorage storage,
                         std::span<std::int16_t> integers);

}  // namespace glint
