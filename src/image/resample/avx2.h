// What the AVX2 passes read. A weight of 23 bits with its sign is high * 2^12 + low, both of which
// fit the 16-bit multiply-add of two neighbours; the two sums recombine exactly.
#pragma once

#include <cstdint>

namespace glint::resample::avx2 {

inline constexpr int kLowBits = 12;

// Four taps of one output pixel, in words as the pixels are spread: the half of a vector has two
// taps, next to each other in each of four channels.
struct Quad {
  std::int16_t low[16];
  std::int16_t high[16];
};

struct Pixel {
  std::int64_t begin;           // byte of the first tap in the row
  const Quad* quads;            // four taps each; those beyond the last tap weigh nothing
  std::int64_t quad_count;      //
  const std::int32_t* weights;  // the plain ones
  std::int64_t count;
};

struct Across {
  std::int64_t channels;
  int bits;
  const Pixel* pixels;
  std::int64_t pixel_count;
  // So many pixels, from the first on, can be read 16 bytes at a time within the row.
  std::int64_t wide_count;
};

void resample_rows(const Across& across, const std::uint8_t* in, std::int64_t in_stride,
                   std::int64_t rows, std::uint8_t* out, std::int64_t out_stride);

// Two taps, both halves of each next to each other.
struct Pair {
  std::int16_t low[2];
  std::int16_t high[2];
};

struct Down {
  int bits;
  const Pair* pairs;  // (count + 1) / 2
  const std::int32_t* weights;
  std::int64_t count;
};

void combine_rows(const Down& down, const std::uint8_t* rows, std::int64_t stride, std::int64_t n,
                  std::uint8_t* out);

}  // namespace glint::resample::avx2
