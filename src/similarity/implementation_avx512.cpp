// AVX-512 with VNNI: 16 products of f32, or 32 of int8 and int16, an instruction; masks at the
// ends.
#include <immintrin.h>

#include "similarity/implementation.h"
#include "similarity/tiles.h"

namespace glint::similarity {
namespace {

// The lower `count` bits; count < 64.
std::uint64_t low_bits(std::size_t count) { return (std::uint64_t{1} << count) - 1; }

struct F32Arithmetic {
  using Query = float;
  using Out = float;
  using Vector = __m512;
  static constexpr std::size_t kLanes = 16;
  static constexpr std::size_t kQueries = 4;

  static Vector zero() { return _mm512_setzero_ps(); }
  static Vector query(const float* p) { return _mm512_loadu_ps(p); }
  static Vector query(const float* p, std::size_t count) {
    return _mm512_maskz_loadu_ps(static_cast<__mmask16>(low_bits(count)), p);
  }
  static Vector add_product(Vector sum, Vector a, Vector b) { return _mm512_fmadd_ps(a, b, sum); }

  static __m128 sums(Vector a, Vector b, Vector c, Vector d) {
    const Vector ab = _mm512_add_ps(_mm512_unpacklo_ps(a, b), _mm512_unpackhi_ps(a, b));
    const Vector cd = _mm512_add_ps(_mm512_unpacklo_ps(c, d), _mm512_unpackhi_ps(c, d));
    const __m512d ab2 = _mm512_castps_pd(ab);
    const __m512d cd2 = _mm512_castps_pd(cd);
    const Vector abcd = _mm512_add_ps(_mm512_castpd_ps(_mm512_unpacklo_pd(ab2, cd2)),
                                      _mm512_castpd_ps(_mm512_unpackhi_pd(ab2, cd2)));
    const __m256 half =
        _mm256_add_ps(_mm512_castps512_ps256(abcd), _mm512_extractf32x8_ps(abcd, 1));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
  }
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
  static Vector widen(__m256i rows) {
    return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(rows), 16));
  }
  static Vector row(const std::uint16_t* p) {
    return widen(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Vector row(const std::uint16_t* p, std::size_t count) {
    return widen(_mm256_maskz_loadu_epi16(static_cast<__mmask16>(low_bits(count)), p));
  }
};

struct Int8Rows {
  using Row = std::int8_t;
  using Query = std::int16_t;
  using Out = std::int32_t;
  using Vector = __m512i;
  static constexpr std::size_t kLanes = 32;
  static constexpr std::size_t kQueries = 4;

  static Vector zero() { return _mm512_setzero_si512(); }
  static Vector query(const std::int16_t* p) { return _mm512_loadu_si512(p); }
  static Vector query(const std::int16_t* p, std::size_t count) {
    return _mm512_maskz_loadu_epi16(static_cast<__mmask32>(low_bits(count)), p);
  }
  static Vector row(const std::int8_t* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Vector row(const std::int8_t* p, std::size_t count) {
    return _mm512_cvtepi8_epi16(
        _mm256_maskz_loadu_epi8(static_cast<__mmask32>(low_bits(count)), p));
  }
  static Vector add_product(Vector sum, Vector a, Vector b) {
    return _mm512_dpwssd_epi32(sum, a, b);
  }

  static void store_sums(std::int32_t* out, Vector a, Vector b, Vector c, Vector d) {
    const Vector ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const Vector cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    const Vector abcd =
        _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
    const __m256i half =
        _mm256_add_epi32(_mm512_castsi512_si256(abcd), _mm512_extracti32x8_epi32(abcd, 1));
    _mm_storeu_si128(
        reinterpret_cast<__m128i*>(out),
        _mm_add_epi32(_mm256_castsi256_si128(half), _mm256_extracti128_si256(half, 1)));
  }
  static void store_sum(std::int32_t* out, Vector a) { *out = _mm512_reduce_add_epi32(a); }
};

double dot_exact(const float* a, const float* b, std::size_t d) {
  __m512d sums = _mm512_setzero_pd();
  std::size_t k = 0;
  for (; k + 8 <= d; k += 8) {
    sums = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_loadu_ps(a + k)),
                           _mm512_cvtps_pd(_mm256_loadu_ps(b + k)), sums);
  }
  if (k < d) {
    const auto mask = static_cast<__mmask8>(low_bits(d - k));
    sums = _mm512_fmadd_pd(_mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, a + k)),
                           _mm512_cvtps_pd(_mm256_maskz_loadu_ps(mask, b + k)), sums);
  }
  const __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(sums), _mm512_extractf64x4_pd(sums, 1));
  const __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
  return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace

const Implementation kAvx512{"avx512", Tiles<F32Rows>::dot_block, Tiles<Bf16Rows>::dot_block,
                             Tiles<Int8Rows>::dot_block, dot_exact};

}  // namespace glint::similarity
