// Pillow's 8-bit resampling, bit for bit, of only the part of the result that is wanted.
//
// Pillow (src/libImaging/Resample.c) resizes in two passes. Along each axis an output sample is a
// weighted sum of the input samples under a kernel that is stretched by the shrink factor; the
// weights are computed in double, normalised to sum 1 and rounded to 22 fractional bits. The first
// pass is rounded to 8 bits before the second, so the order of the passes is part of the result:
// horizontal first, except that Pillow 13 takes a picture that loses much height vertically first
// (vertical_pass_first).
//
// An output pixel depends on nothing but its own column's and row's weights. So a window of the
// resized picture (a centre crop) needs only that window's columns and the input rows under it,
// and large jobs are cut into tiles without changing a bit. Row kernels are free functions over
// plain pointers, so that vector versions can stand beside the scalar ones.
#pragma once

#include <glint/preprocess.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/convert.h"

namespace glint {

inline constexpr int kWeightBits = 22;  // fractional bits of a weight: 32 - 8 - 2

// The weights of a run of output samples along one axis.
struct AxisWeights {
  struct Taps {
    std::int64_t first;   // input sample under the first weight
    std::int64_t count;   // weights
    std::int64_t offset;  // of the first weight in `weights`
  };
  std::vector<Taps> taps;             // one an output sample; `first` and its end never decrease
  std::vector<std::int32_t> weights;  // kWeightBits fractional bits

  std::int64_t input_begin() const { return taps.front().first; }
  std::int64_t input_end() const { return taps.back().first + taps.back().count; }
};

// Weights of output samples begin .. end when in_size samples become out_size.
// 0 <= begin < end <= out_size; sizes 1 to 2^31 - 1. Resample.c: precompute_coeffs.
AxisWeights axis_weights(std::int64_t in_size, std::int64_t out_size, Interpolation kernel,
                         std::int64_t begin, std::int64_t end);

// The order of the passes of Pillow 13.0: vertical first where the height shrinks by more than
// twice the pixels that the width shrinks by. Pillow 12 and before: never.
bool vertical_pass_first(std::int64_t in_width, std::int64_t in_height, std::int64_t out_width,
                         std::int64_t out_height);

// At most how many weights an output sample has.
std::int64_t max_taps(std::int64_t in_size, std::int64_t out_size, Interpolation kernel);

// Horizontal pass over one row. `in` holds the pixels from weights.input_begin() on; `out` gets
// taps.size() pixels. `channels` 1 to 4, each channel on its own. in and out do not overlap.
void resample_row(const std::uint8_t* in, std::int64_t channels, const AxisWeights& weights,
                  std::uint8_t* out);

// Vertical pass for one output row: out[i] = sum over j of weights[j] * rows[j * stride + i],
// for n bytes and `count` rows. rows and out do not overlap.
void combine_rows(const std::uint8_t* rows, std::int64_t stride, const std::int32_t* weights,
                  std::int64_t count, std::int64_t n, std::uint8_t* out);

// A rectangle of a resized picture.
struct ResizeWindow {
  std::int64_t resized_width, resized_height;
  std::int64_t left, top, width, height;
};

inline constexpr std::int64_t kResampleScratchBytes = std::int64_t{64} << 20;

// The window of the picture resized with `kernel`: [height, width, reader.channels()].
// Holds about three times scratch_bytes besides the result, or the weights and input pixels of a
// single output pixel, if that is more.
std::vector<std::uint8_t> resample_window(const PixelReader& reader, const ResizeWindow& window,
                                          Interpolation kernel,
                                          std::int64_t scratch_bytes = kResampleScratchBytes);

// The same by nearest neighbour. Geometry.c: ImagingScaleAffine.
std::vector<std::uint8_t> nearest_window(const PixelReader& reader, const ResizeWindow& window);

}  // namespace glint
