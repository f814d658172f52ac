#include <immintrin.h>

#include "image/resample/avx2.h"
#include "image/resample/sums.h"

namespace glint::resample::avx2 {
namespace {

__m256i load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }

// The bytes of four pixels, in both halves of a vector -> two taps a half, in words by channel.
__m256i spread(std::int64_t channels) {
  alignas(32) std::int8_t control[32];
  for (int i = 0; i < 32; ++i) {
    const int word = i / 2;
    const int channel = word % 8 / 2;
    const int tap = word / 8 * 2 + word % 2;
    const bool zero = i % 2 == 1 || channel >= channels;
    control[i] = static_cast<std::int8_t>(zero ? -1 : tap * static_cast<int>(channels) + channel);
  }
  return load(control);
}

void store_pixel(std::uint32_t pixel, std::int64_t n, std::uint8_t* out) {
  if (n == 4) {
    __builtin_memcpy(out, &pixel, 4);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i, pixel >>= 8) out[i] = static_cast<std::uint8_t>(pixel);
}

// Sums of one pixel in kRows rows; what lies in the row behind it is written over, 4 bytes in all,
// where `room` allows.
template <int kRows>
void resample_pixel(const Across& across, const Pixel& pixel, __m256i control,
                    const std::uint8_t* in, std::int64_t in_stride, std::uint8_t* out,
                    std::int64_t out_stride, std::int64_t room) {
  __m256i low[kRows];
  __m256i high[kRows];
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) low[r] = high[r] = _mm256_setzero_si256();
  const std::uint8_t* from = in + pixel.begin;
  for (std::int64_t q = 0; q < pixel.quad_count; ++q, from += 4 * across.channels) {
    const __m256i low_weights = load(pixel.quads[q].low);
    const __m256i high_weights = load(pixel.quads[q].high);
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const auto* bytes = reinterpret_cast<const __m128i*>(from + r * in_stride);
      const __m256i taps =
          _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(bytes)), control);
      low[r] = _mm256_add_epi32(low[r], _mm256_madd_epi16(taps, low_weights));
      high[r] = _mm256_add_epi32(high[r], _mm256_madd_epi16(taps, high_weights));
    }
  }
  const __m128i rounding = _mm_set1_epi32(half(across.bits));
  const __m128i shift = _mm_cvtsi32_si128(across.bits);
#pragma GCC unroll 4
  for (int r = 0; r < kRows; ++r) {
    const __m256i both = _mm256_add_epi32(low[r], _mm256_slli_epi32(high[r], kLowBits));
    const __m128i sum =
        _mm_add_epi32(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
    const __m128i words = _mm_sra_epi32(_mm_add_epi32(sum, rounding), shift);
    const __m128i packed = _mm_packus_epi16(_mm_packs_epi32(words, words), words);
    store_pixel(static_cast<std::uint32_t>(_mm_cvtsi128_si32(packed)), room, out + r * out_stride);
  }
}

template <int kRows>
void resample_rows_of(const Across& across, __m256i control, const std::uint8_t* in,
                      std::int64_t in_stride, std::uint8_t* out, std::int64_t out_stride) {
  const std::int64_t channels = across.channels;
  const std::int64_t out_bytes = across.pixel_count * channels;
  for (std::int64_t x = 0; x < across.wide_count; ++x) {
    const std::int64_t room = x * channels + 4 <= out_bytes ? 4 : channels;
    resample_pixel<kRows>(across, across.pixels[x], control, in, in_stride, out + x * channels,
                          out_stride, room);
  }
  for (std::int64_t x = across.wide_count; x < across.pixel_count; ++x) {
    const Pixel& pixel = across.pixels[x];
    for (int r = 0; r < kRows; ++r) {
      for (std::int64_t c = 0; c < channels; ++c) {
        out[r * out_stride + x * channels + c] =
            weigh(in + r * in_stride + pixel.begin + c, channels, pixel.weights, pixel.count,
                  across.bits);
      }
    }
  }
}

}  // namespace

void resample_rows(const Across& across, const std::uint8_t* in, std::int64_t in_stride,
                   std::int64_t rows, std::uint8_t* out, std::int64_t out_stride) {
  const __m256i control = spread(across.channels);
  std::int64_t y = 0;
  for (; y + 4 <= rows; y += 4) {
    resample_rows_of<4>(across, control, in + y * in_stride, in_stride, out + y * out_stride,
                        out_stride);
  }
  for (; y < rows; ++y) {
    resample_rows_of<1>(across, control, in + y * in_stride, in_stride, out + y * out_stride,
                        out_stride);
  }
}

void combine_rows(const Down& down, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
                  std::uint8_t* out) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i rounding = _mm256_set1_epi32(half(down.bits));
  const __m128i shift = _mm_cvtsi32_si128(down.bits);
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    __m256i low[4] = {rounding, rounding, rounding, rounding};
    __m256i high[4] = {zero, zero, zero, zero};
    for (std::int64_t j = 0; j < down.count; j += 2) {
      const std::uint8_t* row = rows + j * stride + i;
      const __m256i a = load(row);
      const __m256i b = j + 1 < down.count ? load(row + stride) : zero;
      const __m256i first = _mm256_unpacklo_epi8(a, b);
      const __m256i second = _mm256_unpackhi_epi8(a, b);
      const __m256i taps[4] = {_mm256_unpacklo_epi8(first, zero), _mm256_unpackhi_epi8(first, zero),
                               _mm256_unpacklo_epi8(second, zero),
                               _mm256_unpackhi_epi8(second, zero)};
      std::int32_t pair[2];
      __builtin_memcpy(pair, &down.pairs[j / 2], sizeof pair);
      const __m256i low_weights = _mm256_set1_epi32(pair[0]);
      const __m256i high_weights = _mm256_set1_epi32(pair[1]);
#pragma GCC unroll 4
      for (int k = 0; k < 4; ++k) {
        low[k] = _mm256_add_epi32(low[k], _mm256_madd_epi16(taps[k], low_weights));
        high[k] = _mm256_add_epi32(high[k], _mm256_madd_epi16(taps[k], high_weights));
      }
    }
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      low[k] = _mm256_add_epi32(low[k], _mm256_slli_epi32(high[k], kLowBits));
      low[k] = _mm256_sra_epi32(low[k], shift);
    }
    // Packing undoes the order of unpacking.
    const __m256i bytes =
        _mm256_packus_epi16(_mm256_packs_epi32(low[0], low[1]), _mm256_packs_epi32(low[2], low[3]));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i), bytes);
  }
  for (; i < n; ++i) out[i] = weigh(rows + i, stride, down.weights, down.count, down.bits);
}

}  // namespace glint::resample::avx2
