// What the AVX-512 passes read. A weight of 23 bits with its sign is three signed digits of base
// 256, d0 + 2^8 d1 + 2^16 d2. One instruction (VPDPBUSD) adds four products of a byte and a digit
// to each of 16 sums; the sums of the three digits recombine exactly.
//
// The horizontal pass has two forms. Where 16 neighbouring bytes of the result have each four taps
// within 128 bytes of the row (shrinking by up to about 7), a byte permutation gathers them: 16
// results at once. Otherwise one pixel is made at a time, 16 taps at once.
#pragma once

#include <cstdint>

namespace glint::resample::avx512 {

inline constexpr std::int64_t kWindowBytes = 128;

// Four taps of 16 bytes of the result: digit k of tap t of result i is digits[k][4 * i + t].
struct Window {
  std::int64_t begin;      // byte of the row
  std::uint8_t index[64];  // of each tap, from `begin` on
  std::int8_t digits[3][64];
};

// Rows shorter than a window are copied into one.
struct Windows {
  int bits;
  std::int64_t row_bytes;
  std::int64_t out_bytes;
  const Window* windows;
  const std::int64_t* ends;  // of the windows of each 16 bytes of the result
};

void resample_rows(const Windows& windows, const std::uint8_t* in, std::int64_t in_stride,
                   std::int64_t rows, std::uint8_t* out, std::int64_t out_stride);

// 16 taps of one pixel: digit k of tap t for channel c is digits[k][t / 4 * 16 + 4 * c + t % 4].
struct Block {
  std::int8_t digits[3][64];
};

struct Pixel {
  std::int64_t begin;   // byte of the first tap in the row
  const Block* blocks;  // taps beyond the last weigh nothing
  std::int64_t block_count;
};

struct Pixels {
  int bits;
  std::int64_t channels;
  std::int64_t row_bytes;
  const Pixel* pixels;
  std::int64_t pixel_count;
};

void resample_rows(const Pixels& pixels, const std::uint8_t* in, std::int64_t in_stride,
                   std::int64_t rows, std::uint8_t* out, std::int64_t out_stride);

// Four taps of the vertical pass.
struct Quad {
  std::int8_t digits[3][4];
};

struct Down {
  int bits;
  const Quad* quads;  // (count + 3) / 4; taps beyond the last weigh nothing
  std::int64_t count;
};

void combine_rows(const Down& down, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
                  std::uint8_t* out);

}  // namespace glint::resample::avx512
