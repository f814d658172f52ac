// AVX2 with FMA: two vectors of 8 f32 make the 16 lanes; int8 rows are widened to int16.
#include <immintrin.h>

#include "similarity/implementation.h"
#include "similarity/tiles.h"

namespace glint::similarity {
namespace {

// The first `count` numbers, and zeros after.
template <typename T, std::size_t N>
struct Padded {
  alignas(32) T values[N] = {};
  Padded(const T* p, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) values[i] = p[i];
  }
};

struct F32Arithmetic {
  using Query = float;
  using Out = float;
  struct Vector {
    __m256 low;
    __m256 high;
  };
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kQueries = 1;

  static Vector zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }
  static Vector query(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static Vector query(const float* p, std::size_t count) {
    return query(Padded<float, kLanes>(p, count).values);
  }
  static Vector add_product(Vector sum, Vector a, Vector b) {
    return {_mm256_fmadd_ps(a.low, b.low, sum.low), _mm256_fmadd_ps(a.high, b.high, sum.high)};
  }

  static __m128 sums(Vector a, Vector b, Vector c, Vector d) {
    const __m256 ab = _mm256_hadd_ps(halves(a), halves(b));
    const __m256 cd = _mm256_hadd_ps(halves(c), halves(d));
    const __m256 abcd = _mm256_hadd_ps(ab, cd);
    return _mm_add_ps(_mm256_castps256_ps128(abcd), _mm256_extractf128_ps(abcd, 1));
  }
  static __m256 halves(Vector a) { return _mm256_add_ps(a.low, a.high); }
  static void store_sums(float* out, Vector a, Vector b, Vector c, Vector d) {
    _mm_storeu_ps(out, sums(a, b, c, d));
  }
  static void store_sum(float* out, Vector a) {
    _mm_store_ss(out, sums(a, zero(), zero(), zero()));
  }
};

struct F32Rows : F32Arithmetic {
  using Row = float;
  static Vector row(const float* p) { return query(p); }
  static Vector row(const float* p, std::size_t count) { return query(p, count); }
};

struct Bf16Rows : F32Arithmetic {
  using Row = std::uint16_t;
  static __m256 widen(const std::uint16_t* p) {
    const __m128i rows = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(rows), 16));
  }
  static Vector row(const std::uint16_t* p) { return {widen(p), widen(p + 8)}; }
  static Vector row(const std::uint16_t* p, std::size_t count) {
    return row(Padded<std::uint16_t, kLanes>(p, count).values);
  }
};

struct Int8Rows {
  using Row = std::int8_t;
  using Query = std::int16_t;
  using Out = std::int32_t;
  using Vector = __m256i;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kQueries = 2;

  static Vector zero() { return _mm256_setzero_si256(); }
  static Vector query(const std::int16_t* p) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  }
  static Vector query(const std::int16_t* p, std::size_t count) {
    return query(Padded<std::int16_t, kLanes>(p, count).values);
  }
  static Vector row(const std::int8_t* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Vector row(const std::int8_t* p, std::size_t count) {
    return row(Padded<std::int8_t, kLanes>(p, count).values);
  }
  static Vector add_product(Vector sum, Vector a, Vector b) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
  }

  static __m128i sums(Vector a, Vector b, Vector c, Vector d) {
    const __m256i abcd = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    return _mm_add_epi32(_mm256_castsi256_si128(abcd), _mm256_extracti128_si256(abcd, 1));
  }
  static void store_sums(std::int32_t* out, Vector a, Vector b, Vector c, Vector d) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), sums(a, b, c, d));
  }
  static void store_sum(std::int32_t* out, Vector a) {
    *out = _mm_cvtsi128_si32(sums(a, zero(), zero(), zero()));
  }
};

double dot_exact(const float* a, const float* b, std::size_t d) {
  __m256d low = _mm256_setzero_pd();
  __m256d high = _mm256_setzero_pd();
  const auto add = [&](const float* x, const float* y) {
    low = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(x)), _mm256_cvtps_pd(_mm_loadu_ps(y)), low);
    high = _mm256_fmadd_pd(_mm256_cvtps_pd(_mm_loadu_ps(x + 4)),
                           _mm256_cvtps_pd(_mm_loadu_ps(y + 4)), high);
  };
  std::size_t k = 0;
  for (; k + 8 <= d; k += 8) add(a + k, b + k);
  if (k < d) add(Padded<float, 8>(a + k, d - k).values, Padded<float, 8>(b + k, d - k).values);
  const __m256d four = _mm256_add_pd(low, high);
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace

const Implementation kAvx2{"avx2", Tiles<F32Rows>::dot_block, Tiles<Bf16Rows>::dot_block,
                           Tiles<Int8Rows>::dot_block, dot_exact};

}  // namespace glint::similarity
