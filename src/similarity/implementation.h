// The ways this library can compute dot products, one a file (implementation_*.cpp), each compiled
// with its own flags. `scalar` is the reference and runs everywhere; the others need what their
// names say of the CPU. (The idea of a table that is chosen from at run time is simdjson's.)
//
// An integer result, and dot_exact's, is the same number in every implementation. The f32 ones
// differ in rounding only; each of their results depends on its own row and query, the d and the
// implementation, never on the neighbours that were computed with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace glint {

// No alignment is needed anywhere. `rows` [n, d], `queries` [q, d], `out` [q, n]:
// out[j * n + i] = dot(rows[i], queries[j]).
struct Implementation {
  const char* name;

  // 16 partial sums, of at most ceil(d / 16) terms each, and their sum: each term is rounded at
  // most d / 16 + kF32ExtraRoundings times. NaN and infinity do as IEEE 754 says.
  void (*dot_f32)(const float* rows, std::size_t n, const float* queries, std::size_t q,
                  std::size_t d, float* out);

  // The same with rows of bfloat16, the upper half of an f32.
  void (*dot_bf16)(const std::uint16_t* rows, std::size_t n, const float* queries, std::size_t q,
                   std::size_t d, float* out);

  // Sums of at most 2^31 - 1 in absolute value, which the caller sees to, and of all |terms| too.
  void (*dot_int8)(const std::int8_t* rows, std::size_t n, const std::int16_t* queries,
                   std::size_t q, std::size_t d, std::int32_t* out);

  // dot(a, b) in f64: 8 partial sums over k mod 8, then ((s0 + s4) + (s2 + s6)) + ((s1 + s5) +
  // (s3 + s7)). A product of two f32 is exact in f64, so a fused multiply-add changes nothing.
  double (*dot_exact)(const float* a, const float* b, std::size_t d);
};

inline constexpr std::size_t kF32ExtraRoundings = 17;

// Those that this CPU can run: the first is scalar, the last the fastest.
std::span<const Implementation* const> implementations();
const Implementation& best_implementation();

namespace similarity {

extern const Implementation kScalar;
extern const Implementation kAvx2;    // on x86-64 only
extern const Implementation kAvx512;  // on x86-64 only

}  // namespace similarity
}  // namespace glint
