// Arithmetic on embeddings that lie in plain memory. Safe from many threads.
#pragma once

#include <glint/export.h>

#include <cstdint>
#include <span>
#include <vector>

namespace glint {

// Scales each row of a [n, d] to unit L2 norm. A zero row stays zero; a row with a NaN or an
// infinity becomes NaN. Sums in f64, as exact as f32 rows can be. Throws Error(kInvalidArgument)
// when d < 1 or a does not hold whole rows.
GLINT_API void normalize_rows(std::span<float> a, std::int64_t d);

// out[i * t + j] = dot(a[i], b[j]).  a [i, d], b [t, d], out [i, t], row-major.
// Sums in f32 over 16 partial sums: error at most about (d / 16 + 16) * 2^-24 * sum |a_k * b_k|.
// Throws Error(kInvalidArgument) when the sizes do not agree.
GLINT_API void dot_matrix(std::span<const float> a, std::span<const float> b, std::int64_t d,
                          std::span<float> out);

// out = exp(logits - max) / sum, in f64. Any finite logits: no overflow; NaN or infinity among them
// gives NaN. logits, out [k]. Throws Error(kInvalidArgument) when the sizes differ.
GLINT_API void softmax(std::span<const float> logits, std::span<float> out);

// Positions of the k largest values, descending; equal values in order of position, NaN last.
// k larger than the count gives all of them. O(n log k). Throws Error(kInvalidArgument)
// when k < 0.
GLINT_API std::vector<std::int64_t> top_k(std::span<const float> values, std::int64_t k);

}  // namespace glint
