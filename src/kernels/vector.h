// Vectors of f32 as wide as the instruction set that the including file is compiled for, and the
// functions of them that an epilogue needs. Everything is local to that file: the same names mean
// other instructions elsewhere.
#pragma once

#include <cstdint>
#include <cstring>

namespace glint {
namespace {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

using Floats = float __attribute__((vector_size(4 * kLanes)));
using Ints = std::int32_t __attribute__((vector_size(4 * kLanes)));

template <typename Vector, typename T>
inline Vector load(const T* from) {
  Vector vector;
  std::memcpy(&vector, from, sizeof vector);
  return vector;
}

// The first `count` lanes; the others are zero.
template <typename Vector, typename T>
inline Vector load_first(const T* from, std::int64_t count) {
  Vector vector{};
  std::memcpy(&vector, from, static_cast<std::size_t>(count) * sizeof(T));
  return vector;
}

template <typename Vector, typename T>
inline void store(T* to, Vector vector) {
  std::memcpy(to, &vector, sizeof vector);
}

template <typename Vector, typename T>
inline void store_first(T* to, Vector vector, std::int64_t count) {
  std::memcpy(to, &vector, static_cast<std::size_t>(count) * sizeof(T));
}

// Less zero: nothing is computed for it, as there is for an added zero, which makes 0 of -0.
inline Floats splat(float value) { return value - Floats{}; }

inline Floats larger(Floats a, Floats b) { return a > b ? a : b; }
inline Floats smaller(Floats a, Floats b) { return a < b ? a : b; }

inline float sum_of(Floats vector) {
  float sum = 0;
  for (int i = 0; i < kLanes; ++i) sum += vector[i];
  return sum;
}

inline float largest_of(Floats vector) {
  float largest = vector[0];
  for (int i = 1; i < kLanes; ++i) largest = vector[i] > largest ? vector[i] : largest;
  return largest;
}

// e^x, 2 ulp, for x in [-87.3, 88.3], to which x is clamped; NaN stays NaN. x = n ln 2 + r, and a
// polynomial of degree 6 for e^r (Cephes expf).
inline Floats exp(Floats x) {
  const Floats inside = x > 88.3F ? splat(88.3F) : (x < -87.3F ? splat(-87.3F) : x);
  const Floats kRound = splat(12582912.0F);  // 1.5 * 2^23: adding it rounds to an integer
  const Floats shifted = inside * 1.44269504F + kRound;
  const Floats n = shifted - kRound;
  const Floats r = (inside - n * 0.693359375F) - n * -2.12194440e-4F;
  Floats p = splat(1.9875691500e-4F);
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  p = p * (r * r) + r + 1.0F;
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  Ints result;
  std::memcpy(&result, &p, sizeof result);
  result += bits << 23;  // the low bits of `shifted` are n, which p's exponent takes
  std::memcpy(&p, &result, sizeof p);
  return p;
}

// x sigmoid(1.702 x).
inline Floats quick_gelu(Floats x) { return x / (1.0F + exp(x * -1.702F)); }

// x (1 + erf(x / sqrt 2)) / 2, with erf within 1.5e-7 (Abramowitz and Stegun 7.1.26).
inline Floats gelu(Floats x) {
  const Floats z = x * 0.70710678F;
  const Floats a = z < 0.0F ? -z : z;
  const Floats t = 1.0F / (1.0F + a * 0.3275911F);
  Floats p = splat(1.061405429F);
  p = p * t - 1.453152027F;
  p = p * t + 1.421413741F;
  p = p * t - 0.284496736F;
  p = p * t + 0.254829592F;
  const Floats erf_a = 1.0F - p * t * exp(-(a * a));
  return 0.5F * x * (1.0F + (z < 0.0F ? -erf_a : erf_a));
}

}  // namespace
}  // namespace glint
