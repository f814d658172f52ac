#include <immintrin.h>

#include "image/resample/avx512.h"
#include "image/resample/sums.h"

namespace glint::resample::avx512 {
namespace {

__m512i load(const void* p) { return _mm512_loadu_si512(p); }

// Bits 0 .. n - 1, n from 0 on.
__mmask64 first_bytes(std::int64_t n) { return n >= 64 ? ~__mmask64{0} : (__mmask64{1} << n) - 1; }

// The sums of three digits as one.
__m512i recombine(const __m512i (&sums)[3]) {
  const __m512i upper = _mm512_add_epi32(sums[1], _mm512_slli_epi32(sums[2], 8));
  return _mm512_add_epi32(sums[0], _mm512_slli_epi32(upper, 8));
}

template <int kRows>
void resample_windows(const Windows& plan, const std::uint8_t* in, std::int64_t in_stride,
                      std::uint8_t* out, std::int64_t out_stride) {
  const __m512i rounding = _mm512_set1_epi32(half(plan.bits));
  const __m128i shift = _mm_cvtsi32_si128(plan.bits);
  const Window* window = plan.windows;
  for (std::int64_t i = 0; i < plan.out_bytes; i += 16) {
    __m512i sums[kRows][3];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      sums[r][0] = rounding;
      sums[r][1] = sums[r][2] = _mm512_setzero_si512();
    }
    for (const Window* end = plan.windows + plan.ends[i / 16]; window != end; ++window) {
      const __m512i index = load(window->index);
      const __m512i digits[3] = {load(window->digits[0]), load(window->digits[1]),
                                 load(window->digits[2])};
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const std::uint8_t* bytes = in + r * in_stride + window->begin;
        const __m512i taps = _mm512_permutex2var_epi8(load(bytes), index, load(bytes + 64));
#pragma GCC unroll 3
        for (int k = 0; k < 3; ++k) {
          sums[r][k] = _mm512_dpbusd_epi32(sums[r][k], taps, digits[k]);
        }
      }
    }
    const auto kept = static_cast<__mmask16>(first_bytes(plan.out_bytes - i));
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      const __m512i words = _mm512_sra_epi32(recombine(sums[r]), shift);
      const __m128i bytes = _mm512_cvtusepi32_epi8(_mm512_max_epi32(words, _mm512_setzero_si512()));
      _mm_mask_storeu_epi8(out + r * out_stride + i, kept, bytes);
    }
  }
}

// Rows shorter than a window, one at a time.
void resample_short_rows(const Windows& plan, const std::uint8_t* in, std::int64_t in_stride,
                         std::int64_t rows, std::uint8_t* out, std::int64_t out_stride) {
  alignas(64) std::uint8_t row[kWindowBytes] = {};
  for (std::int64_t y = 0; y < rows; ++y) {
    __builtin_memcpy(row, in + y * in_stride, static_cast<std::size_t>(plan.row_bytes));
    resample_windows<1>(plan, row, 0, out + y * out_stride, 0);
  }
}

// Four taps in each quarter: a lane of four bytes has those of one channel.
__m512i spread(std::int64_t channels) {
  alignas(64) std::uint8_t index[64];
  for (int i = 0; i < 64; ++i) {
    const int tap = i / 16 * 4 + i % 4;
    const int channel = i % 16 / 4;
    // Lanes beyond the channels are summed like the others, and not stored.
    index[i] = static_cast<std::uint8_t>((tap * static_cast<int>(channels) + channel) % 64);
  }
  return load(index);
}

void store_pixel(std::uint32_t pixel, std::int64_t n, std::uint8_t* out) {
  if (n == 4) {
    __builtin_memcpy(out, &pixel, 4);
    return;
  }
  for (std::int64_t i = 0; i < n; ++i, pixel >>= 8) out[i] = static_cast<std::uint8_t>(pixel);
}

// The first four lanes' sum with the other quarters' -> four bytes.
std::uint32_t pixel_of(__m512i sum, __m128i rounding, __m128i shift) {
  const __m256i halves =
      _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
  const __m128i quarters =
      _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
  const __m128i words = _mm_sra_epi32(_mm_add_epi32(quarters, rounding), shift);
  const __m128i packed = _mm_packus_epi16(_mm_packs_epi32(words, words), words);
  return static_cast<std::uint32_t>(_mm_cvtsi128_si32(packed));
}

template <int kRows>
void resample_pixels(const Pixels& plan, __m512i spreading, const std::uint8_t* in,
                     std::int64_t in_stride, std::uint8_t* out, std::int64_t out_stride) {
  const __m128i rounding = _mm_set1_epi32(half(plan.bits));
  const __m128i shift = _mm_cvtsi32_si128(plan.bits);
  const std::int64_t step = 16 * plan.channels;
  const std::int64_t out_bytes = plan.pixel_count * plan.channels;
  for (std::int64_t x = 0; x < plan.pixel_count; ++x) {
    const Pixel& pixel = plan.pixels[x];
    __m512i sums[kRows][3];
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      sums[r][0] = sums[r][1] = sums[r][2] = _mm512_setzero_si512();
    }
    std::int64_t at = pixel.begin;
    for (std::int64_t b = 0; b < pixel.block_count; ++b, at += step) {
      const Block& block = pixel.blocks[b];
      const __m512i digits[3] = {load(block.digits[0]), load(block.digits[1]),
                                 load(block.digits[2])};
      const __mmask64 within = first_bytes(plan.row_bytes - at);
#pragma GCC unroll 4
      for (int r = 0; r < kRows; ++r) {
        const __m512i bytes = _mm512_maskz_loadu_epi8(within, in + r * in_stride + at);
        const __m512i taps = _mm512_permutexvar_epi8(spreading, bytes);
#pragma GCC unroll 3
        for (int k = 0; k < 3; ++k) {
          sums[r][k] = _mm512_dpbusd_epi32(sums[r][k], taps, digits[k]);
        }
      }
    }
    const std::int64_t place = x * plan.channels;
    // What is written behind the pixel is the next one's, which comes later.
    const std::int64_t room = place + 4 <= out_bytes ? 4 : plan.channels;
#pragma GCC unroll 4
    for (int r = 0; r < kRows; ++r) {
      store_pixel(pixel_of(recombine(sums[r]), rounding, shift), room,
                  out + r * out_stride + place);
    }
  }
}

// 64 bytes of one output row, or the first of them.
void combine_bytes(const Down& down, const std::uint8_t* rows, std::int64_t stride, __mmask64 kept,
                   std::uint8_t* out) {
  __m512i sums[4][3];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    sums[i][0] = _mm512_set1_epi32(half(down.bits));
    sums[i][1] = sums[i][2] = _mm512_setzero_si512();
  }
  for (std::int64_t j = 0; j < down.count; j += 4) {
    const std::int64_t left = down.count - j;
    const std::uint8_t* row = rows + j * stride;
    const __m512i a = _mm512_maskz_loadu_epi8(kept, row);
    const __m512i b = _mm512_maskz_loadu_epi8(left > 1 ? kept : 0, row + stride);
    const __m512i c = _mm512_maskz_loadu_epi8(left > 2 ? kept : 0, row + 2 * stride);
    const __m512i d = _mm512_maskz_loadu_epi8(left > 3 ? kept : 0, row + 3 * stride);
    const __m512i ab[2] = {_mm512_unpacklo_epi8(a, b), _mm512_unpackhi_epi8(a, b)};
    const __m512i cd[2] = {_mm512_unpacklo_epi8(c, d), _mm512_unpackhi_epi8(c, d)};
    const __m512i taps[4] = {
        _mm512_unpacklo_epi16(ab[0], cd[0]), _mm512_unpackhi_epi16(ab[0], cd[0]),
        _mm512_unpacklo_epi16(ab[1], cd[1]), _mm512_unpackhi_epi16(ab[1], cd[1])};
#pragma GCC unroll 3
    for (int k = 0; k < 3; ++k) {
      std::int32_t four;
      __builtin_memcpy(&four, down.quads[j / 4].digits[k], sizeof four);
      const __m512i digits = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        sums[i][k] = _mm512_dpbusd_epi32(sums[i][k], taps[i], digits);
      }
    }
  }
  const __m128i shift = _mm_cvtsi32_si128(down.bits);
  __m512i words[4];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) words[i] = _mm512_sra_epi32(recombine(sums[i]), shift);
  // Packing undoes the order of unpacking.
  const __m512i bytes = _mm512_packus_epi16(_mm512_packs_epi32(words[0], words[1]),
                                            _mm512_packs_epi32(words[2], words[3]));
  _mm512_mask_storeu_epi8(out, kept, bytes);
}

}  // namespace

void resample_rows(const Windows& windows, const std::uint8_t* in, std::int64_t in_stride,
                   std::int64_t rows, std::uint8_t* out, std::int64_t out_stride) {
  if (windows.row_bytes < kWindowBytes) {
    return resample_short_rows(windows, in, in_stride, rows, out, out_stride);
  }
  std::int64_t y = 0;
  for (; y + 4 <= rows; y += 4) {
    resample_windows<4>(windows, in + y * in_stride, in_stride, out + y * out_stride, out_stride);
  }
  for (; y < rows; ++y) {
    resample_windows<1>(windows, in + y * in_stride, in_stride, out + y * out_stride, out_stride);
  }
}

void resample_rows(const Pixels& pixels, const std::uint8_t* in, std::int64_t in_stride,
                   std::int64_t rows, std::uint8_t* out, std::int64_t out_stride) {
  const __m512i spreading = spread(pixels.channels);
  std::int64_t y = 0;
  for (; y + 4 <= rows; y += 4) {
    resample_pixels<4>(pixels, spreading, in + y * in_stride, in_stride, out + y * out_stride,
                       out_stride);
  }
  for (; y < rows; ++y) {
    resample_pixels<1>(pixels, spreading, in + y * in_stride, in_stride, out + y * out_stride,
                       out_stride);
  }
}

void combine_rows(const Down& down, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
                  std::uint8_t* out) {
  for (std::int64_t i = 0; i < n; i += 64) {
    combine_bytes(down, rows + i, stride, first_bytes(n - i), out + i);
  }
}

}  // namespace glint::resample::avx512
